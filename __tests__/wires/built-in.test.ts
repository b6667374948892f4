import { DEFAULT_WIRE } from '../../lib/sse/default-wire.js';
import type { Wire } from '../../lib/sse/wire.js';
import { checkWire } from '../../lib/testing/index.js';
import { AG_UI } from '../../lib/wires/ag-ui.js';
import { PLAIN } from '../../lib/wires/plain.js';
import { UI_MESSAGE_STREAM } from '../../lib/wires/ui-message-stream.js';

const BUILT_IN: readonly Wire[] = [DEFAULT_WIRE, UI_MESSAGE_STREAM, AG_UI, PLAIN];

describe.each(BUILT_IN.map((wire) => [wire.name, wire] as const))('the wire %s', (_name, wire) => {
  it('keeps every promise that the kit checks', () => {
    expect(checkWire(wire)).toEqual([]);
  });
});
