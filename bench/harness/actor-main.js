// The other end of actor.js.
const orphaned = () => process.exit(1);
process.on('disconnect', orphaned);

const actor = {
  ready: () => true,
  release: () => void process.off('disconnect', orphaned),
  exit: () => void setImmediate(() => process.exit()),
  ...(await import(process.argv[2])),
};

process.on('message', async ({ id, name, args }) => {
  let answer;
  try {
    answer = { id, result: await actor[name](...args) };
  } catch (error) {
    answer = { id, error: error?.stack ?? String(error) };
  }
  if (process.connected) process.send(answer);
});
