import { createHub, type HubClient } from '../../lib/index.js';
import { fakeRequest, MemoryResponse } from '../support/sse/memory-response.js';

it('a client whose response fails at once is told to have connected before it is told to have left', async () => {
  const hub = createHub();
  const told: string[] = [];
  const note = (event: string) => (client: HubClient) => told.push(`${event}, connected: ${client.connected}`);
  hub.on('connect', note('connect')).on('disconnect', note('disconnect'));
  const response = new MemoryResponse();
  const fail = (): never => {
    throw new Error('no');
  };
  Object.assign(response, { write: fail, destroy: fail });
  const warn = jest.spyOn(process, 'emitWarning').mockReturnValue(undefined);
  expect(hub.connect(fakeRequest('/'), response.res).connected).toBe(false);
  expect(told).toEqual(['connect, connected: false', 'disconnect, connected: false']);
  expect(hub.getActiveClientCount()).toBe(0);
  expect(warn).toHaveBeenCalledTimes(2);
  await hub.stop();
});
