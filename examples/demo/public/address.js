// The jobs that this page watches stand in its address, so that a reload, a second tab and a link to a phone all find them.

const read = () => new URLSearchParams(location.hash.slice(1));

/** @param {'import' | 'answer'} job @returns {string | undefined} its resume key */
export const keyOf = (job) => read().get(job) ?? undefined;

/** Without a key the job is forgotten. */
export function setKey(job, key) {
  const jobs = read();
  if (key === undefined) jobs.delete(job);
  else jobs.set(job, key);
  history.replaceState(null, '', `#${jobs}`);
}

/** The address of a page that watches this job alone. */
export const linkTo = (job) => `#${new URLSearchParams({ [job]: keyOf(job) ?? '' })}`;
