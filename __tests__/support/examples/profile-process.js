// Profiles the files that come as lines of JSON, {"path", "charset"?}, and answers each with a line: what it found, or why not.
// A process of its own, because the demo is made of ES modules, which Jest does not load.
import { createInterface } from 'node:readline';
import { createProfile, describeFormat, examine, rowsOf } from '../../../examples/demo/csv/profile.js';

async function profileOf({ path, charset }) {
  const format = await examine(path, { charset });
  const profile = createProfile(format);
  const bad = [];
  let rows = 0;
  for await (const batch of rowsOf(path, format)) {
    for (const row of batch.rows) {
      rows++;
      const reason = profile.add(row);
      if (reason !== undefined) bad.push([row.line, reason]);
    }
  }
  return { ...describeFormat(format), rows, bad, profile: profile.summary() };
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await profileOf(JSON.parse(line)).catch(({ name, message }) => ({ refused: message, name }));
  console.log(JSON.stringify({ ...answer, peak_bytes: process.resourceUsage().maxRSS * 1_024 }));
}
