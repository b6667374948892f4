/** Folds the events of a message, so that late clients get their sum. */
import type { WireFold } from '../sse/wire.js';

/** One value of a protocol, as a job has yielded it. */
export type ProtocolEvent = Readonly<Record<string, unknown>>;

/** The rules by which the events of one protocol fold. */
export interface FoldRules {
  /** Returns the name of the member that holds the text, where the event is a piece of text and nothing more. */
  textMemberOf(event: ProtocolEvent): string | undefined;
  /** Returns the group of the event. Events of a group may make earlier ones superfluous. */
  groupOf(event: ProtocolEvent): FoldGroup | undefined;
  /** Tells whether the event is of no use to a client that comes later. */
  passesBy(event: ProtocolEvent): boolean;
}

export interface FoldGroup {
  readonly name: string;
  /** The earlier events of the group that are dropped. The first of a group may hold its place in a message. */
  readonly drops: 'none' | 'all' | 'all but the first';
}

/** An event that is kept as it was. */
interface WholeItem {
  readonly seq: number;
  readonly json: string;
  readonly group?: string | undefined;
}

/** Pieces of one text that followed each other without a gap: event `seq` brought the first `lengths[0]` characters. */
interface TextItem {
  readonly seq: number;
  /** The first event, with an empty text. */
  readonly head: ProtocolEvent;
  readonly member: string;
  text: string;
  readonly lengths: number[];
}

export type FoldItem = WholeItem | TextItem;

/** The approximate cost of an item beside its text, and of each piece of a text, in characters. */
const ITEM_CHARACTERS = 32;
const PIECE_CHARACTERS = 4;

/**
 * Folds the events of a message. Pieces of one text become one, replaced events go, and everything else stays whole and
 * in its place. Every piece remembers its length, so that a client which has the beginning of a text can be given the
 * rest.
 */
export class MessageFold implements WireFold {
  #items: (FoldItem | undefined)[] = [];
  /** The places in `#items` by group. */
  readonly #groups = new Map<string, number[]>();
  #dropped = 0;
  #characters = 0;

  constructor(
    readonly rules: FoldRules,
    readonly maxCharacters: number,
  ) {}

  add(data: unknown, seq: number): void {
    if (!this.#isFull) this.#fold(data, seq);
    if (this.#isFull && this.#items.length > 0) this.#forget(); // nobody is given a part of a message
  }

  toJson(): string | undefined {
    return this.#isFull ? undefined : JSON.stringify(this.#items.filter((item) => item !== undefined));
  }

  restore(json: string): void {
    this.#forget();
    this.#characters = 0;
    for (const item of parseItems(json)) this.#keep(item);
  }

  #forget(): void {
    this.#items = [];
    this.#groups.clear();
    this.#dropped = 0;
  }

  get #isFull(): boolean {
    return this.#characters > this.maxCharacters;
  }

  #fold(data: unknown, seq: number): void {
    if (typeof data !== 'object' || data === null || Array.isArray(data)) {
      this.#keep({ seq, json: JSON.stringify(data) });
      return;
    }
    const event = data as ProtocolEvent;
    if (this.rules.passesBy(event)) return;
    const member = this.rules.textMemberOf(event);
    if (member !== undefined) this.#addText(event, member, String(event[member]), seq);
    else this.#addWhole(event, seq);
  }

  #addText(event: ProtocolEvent, member: string, text: string, seq: number): void {
    const last = this.#items.at(-1);
    const follows = last !== undefined && 'text' in last && last.seq + last.lengths.length === seq;
    if (follows && last.member === member && isSameText(last.head, event, member)) {
      last.text += text;
      last.lengths.push(text.length);
      this.#characters += text.length + PIECE_CHARACTERS;
    } else {
      this.#keep({ seq, head: { ...event, [member]: '' }, member, text, lengths: [text.length] });
    }
  }

  #addWhole(event: ProtocolEvent, seq: number): void {
    const group = this.rules.groupOf(event);
    if (group !== undefined && group.drops !== 'none') this.#drop(group);
    this.#keep({ seq, json: JSON.stringify(event), group: group?.name });
  }

  #keep(item: FoldItem): void {
    this.#items.push(item);
    this.#characters += charactersOf(item);
    if ('text' in item || item.group === undefined) return;
    const places = this.#groups.get(item.group) ?? [];
    places.push(this.#items.length - 1);
    this.#groups.set(item.group, places);
  }

  #drop({ name, drops }: FoldGroup): void {
    const places = this.#groups.get(name) ?? [];
    const gone = places.splice(drops === 'all' ? 0 : 1);
    for (const place of gone) {
      const item = this.#items[place];
      if (item !== undefined) this.#characters -= charactersOf(item);
      this.#items[place] = undefined;
    }
    this.#dropped += gone.length;
    if (this.#dropped > 64 && this.#dropped > this.#items.length / 2) this.#closeGaps();
  }

  #closeGaps(): void {
    const items = this.#items.filter((item) => item !== undefined);
    this.#forget();
    this.#characters = 0;
    for (const item of items) this.#keep(item);
  }
}

export const parseItems = (json: string): FoldItem[] => JSON.parse(json) as FoldItem[];

/**
 * Returns the part of an item that a client with the events up to `after` lacks, and the seq of its last event.
 * Undefined where it has everything.
 */
export function restOf(item: FoldItem, after: number): { readonly seq: number; readonly json: string } | undefined {
  if (!('text' in item)) return item.seq > after ? item : undefined;
  const seq = item.seq + item.lengths.length - 1;
  if (seq <= after) return undefined;
  let known = 0;
  for (let piece = 0; item.seq + piece <= after; piece++) known += item.lengths[piece] as number;
  return { seq, json: JSON.stringify({ ...item.head, [item.member]: item.text.slice(known) }) };
}

/** Tells whether the event continues the text that began with `head`. The time at which it was sent does not matter. */
function isSameText(head: ProtocolEvent, event: ProtocolEvent, member: string): boolean {
  for (const name in event) {
    if (name !== member && name !== 'timestamp' && head[name] !== event[name]) return false;
  }
  return true;
}

function charactersOf(item: FoldItem): number {
  if (!('text' in item)) return ITEM_CHARACTERS + item.json.length;
  return ITEM_CHARACTERS + item.text.length + item.lengths.length * PIECE_CHARACTERS;
}
