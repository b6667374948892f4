// npm run bench:stress [-- unattended churn …]: what has to hold under load. Each prints its figures and asserts.
const SCRIPTS = ['unattended', 'churn', 'slow-reader'];
const chosen = process.argv.slice(2).filter((name) => SCRIPTS.includes(name));

for (const name of chosen.length > 0 ? chosen : SCRIPTS) {
  console.log(`\n${name}`);
  const { run } = await import(`./stress/${name}.js`);
  await run();
}
