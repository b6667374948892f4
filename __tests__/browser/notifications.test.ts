import type { Page } from 'playwright-core';
import { describeInBrowser } from '../support/browser/browser.js';
import { startCutProxy, type CutProxy } from '../support/http/cut-proxy.js';
import { startExample, type ExampleServer } from '../support/servers/example-server.js';

jest.setTimeout(120_000);

describeInBrowser('the notifications page in Chromium', (browser) => {
  let server: ExampleServer;
  let proxy: CutProxy;
  const closing: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    server = await startExample('notifications');
    proxy = await startCutProxy({ upstreamPort: Number(new URL(server.url).port) });
  });
  afterAll(async () => {
    await proxy.close();
    await server.stop();
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  /** A browser of its own: other cookies, other storage. */
  async function signIn(user: string): Promise<Page> {
    const context = await browser().newContext();
    closing.push(() => context.close());
    const page = await context.newPage();
    await page.goto(proxy.url);
    await page.getByLabel('User', { exact: true }).fill(user);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await connected(page);
    return page;
  }

  const connected = (page: Page): Promise<unknown> =>
    page.waitForFunction("document.getElementById('state').textContent === 'open'");

  /** What the page has shown, once there are so many. */
  async function received(page: Page, count: number): Promise<string[]> {
    await page.waitForFunction(`document.querySelectorAll('#log li').length >= ${count}`);
    return page.evaluate("[...document.querySelectorAll('#log li')].map(({ textContent }) => textContent)");
  }

  async function send(admin: Page, to: string, text: string): Promise<void> {
    await admin.getByLabel('To', { exact: true }).selectOption({ label: to });
    await admin.getByLabel('Text').fill(text);
    await admin.getByRole('button', { name: 'Send' }).click();
    await admin.waitForFunction("document.getElementById('text').value === ''");
  }

  it('two browsers see what is for all, for a room and for them, go offline, and catch up', async () => {
    const [admin, ann, bob] = [await signIn('admin'), await signIn('ann'), await signIn('bob')];
    await send(admin, 'all', 'one');
    await send(admin, 'the room “news”', 'two');
    await send(admin, 'the user ann', 'three');
    const first = ['for allone', 'newstwo', 'for youthree'];
    expect(await received(ann, 3)).toEqual(first);
    expect(await received(bob, 2)).toEqual(first.slice(0, 2));

    // Ann has no network any more, Bob leaves by the button; the admin stays.
    await ann.context().setOffline(true);
    proxy.cutAll();
    await ann.waitForFunction("document.getElementById('state').textContent === 'waiting'");
    await bob.getByRole('button', { name: 'Go offline' }).click();
    await send(admin, 'all', 'four');
    await send(admin, 'the user bob', 'five');
    await send(admin, 'the room “news”', 'six');
    await send(admin, 'the user ann', 'seven');
    expect(await received(ann, 3)).toEqual(first);

    await ann.context().setOffline(false);
    await bob.getByRole('button', { name: 'Come back' }).click();
    expect(await received(ann, 6)).toEqual([...first, 'for allfour', 'newssix', 'for youseven']);
    expect(await received(bob, 5)).toEqual([...first.slice(0, 2), 'for allfour', 'for youfive', 'newssix']);

    // Live again, and nothing came twice.
    await connected(ann);
    await send(admin, 'all', 'eight');
    expect((await received(ann, 7)).slice(6)).toEqual(['for alleight']);
    expect((await received(bob, 6)).slice(5)).toEqual(['for alleight']);
    expect((await received(admin, 5)).slice(0, 5)).toEqual([
      'for allone',
      'newstwo',
      'for allfour',
      'newssix',
      'for alleight',
    ]);
  });

  it('a page that was reloaded gets what came meanwhile', async () => {
    const [admin, ann] = [await signIn('admin'), await signIn('ann')];
    await send(admin, 'all', 'before');
    await received(ann, 1);
    await ann.goto('about:blank');
    await send(admin, 'the user ann', 'meanwhile');
    await ann.goto(proxy.url);
    await ann.getByLabel('User', { exact: true }).fill('ann');
    await ann.getByRole('button', { name: 'Sign in' }).click();
    expect(await received(ann, 1)).toEqual(['for youmeanwhile']);
  });

  it('every message arrives once and in order through cuts', async () => {
    const ann = await signIn('ann');
    // Straight to the server: who sends is not cut.
    const login = await fetch(`${server.url}/login/admin`, { method: 'POST' });
    const headers = {
      Cookie: login.headers.getSetCookie()[0]!.split(';', 1).join(),
      'Content-Type': 'application/json',
    };
    let sent = 0;
    const sendSome = async (count: number): Promise<void> => {
      for (const end = sent + count; sent < end;) {
        const body = JSON.stringify({ data: { text: String(++sent) } });
        await fetch(`${server.url}/hub/broadcast`, { method: 'POST', headers, body });
      }
    };
    for (const kind of ['rst', 'fin', 'rst', 'fin', 'rst', 'fin'] as const) {
      await sendSome(15);
      proxy.cutAll(kind);
      await sendSome(15);
      await received(ann, sent);
      await connected(ann);
    }
    expect(await received(ann, sent)).toEqual(Array.from({ length: sent }, (_, at) => `for all${at + 1}`));
  });
});
