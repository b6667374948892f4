import type { ClientDriver } from './driver.js';
import { eventsourceClient } from './eventsource-client.js';
import { eventsource } from './eventsource.js';
import { fetchEventSource, fetchEventSourceById } from './fetch-event-source.js';
import { raw } from './raw.js';
import { undici } from './undici.js';

/** Every client that resumes exactly wherever it is cut. */
export const exactClients: readonly ClientDriver[] = [
  raw,
  eventsource,
  eventsourceClient,
  undici,
  fetchEventSourceById,
];

/** Those, and fetch-event-source as its users have it, which loses an event at one byte of a frame (see its driver). */
export const everyClient: readonly ClientDriver[] = [...exactClients, fetchEventSource];
