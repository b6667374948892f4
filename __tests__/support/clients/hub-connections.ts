import { connectHub, type HubConnection, type HubConnectionOptions } from '../../../lib/client/index.js';

/** A function that connects to a hub. The connection is closed after the test. */
export function useHubConnections(): (url: string, options?: HubConnectionOptions) => HubConnection {
  const connections: HubConnection[] = [];
  afterEach(() => {
    for (const connection of connections.splice(0)) connection.close();
  });
  return (url, options = {}) => {
    const connection = connectHub(url, options);
    connections.push(connection);
    return connection;
  };
}
