// Wires of your own
export { checkWire } from './check-wire.js';
