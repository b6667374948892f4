/** @returns {any} the element of the page with this id, of whatever kind */
export const $ = (id) => document.getElementById(id);

export const whole = new Intl.NumberFormat('en');

/** For screen readers: what changed, in a sentence. */
export function announce(text) {
  $('announcement').textContent = text;
}

export function showProblem(id, text) {
  $(id).hidden = text === undefined;
  $(id).textContent = text ?? '';
}
