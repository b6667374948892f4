// The ways to do it: ours, and what it stands beside. Each is a handler, `broadcast(data)` to all who are connected, and
// `sources`, one function per connection that sends to it alone.
import { createServer } from 'node:http';
import express from 'express';

const WAYS = {
  ours: () => import('./ours.js').then(({ ours }) => ours),
  'ui-message-stream': () => import('./ours.js').then(({ uiMessageStream }) => uiMessageStream),
  hub: () => import('./ours.js').then(({ hub }) => hub),
  raw: () => import('./plain.js').then(({ raw }) => raw),
  express: () => import('./plain.js').then(({ express }) => express),
  'better-sse': () => import('./better-sse.js').then(({ betterSse }) => betterSse),
  'express-sse': () => import('./express-sse.js').then(({ expressSse }) => expressSse),
  'resumable-stream': () => import('./resumable-stream.js').then(({ resumableStream }) => resumableStream),
};

/** @param options.each every connection gets events of its own, not all the same */
export async function openWay(name, options = {}) {
  const make = await WAYS[name]();
  const way = await make(options);
  return { ...way, server: way.server ?? createServer(express().get('/stream', way.handle)) };
}
