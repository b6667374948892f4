// The connection of a gateway or a worker to the NATS in NATS_URL, else to the one on this machine.
import { connect } from '@nats-io/transport-node';

export const HOW_TO_GET_NATS = `One of these helps:
  apt install nats-server    or    brew install nats-server    and run it
  docker run --rm -p 4222:4222 nats
  NATS_URL=nats://somewhere:4222`;

export async function connectNats() {
  const servers = process.env.NATS_URL ?? '127.0.0.1:4222';
  try {
    return await connect({ servers, maxReconnectAttempts: -1 }); // by itself it gives up after ten
  } catch (error) {
    console.error(`There is no NATS at ${servers} (${String(error)}). ${HOW_TO_GET_NATS}`);
    process.exit(1);
  }
}
