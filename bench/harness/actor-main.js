// The other end of actor.js.
const actor = { ready: () => true, ...(await import(process.argv[2])) };

process.on('message', async ({ id, name, args }) => {
  let answer;
  try {
    answer = { id, result: await actor[name](...args) };
  } catch (error) {
    answer = { id, error: error?.stack ?? String(error) };
  }
  if (process.connected) process.send(answer);
});
