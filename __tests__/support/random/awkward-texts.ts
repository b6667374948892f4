/** Texts that a careless encoder of frames would mistake for its own syntax, or cut in two. */
export const AWKWARD_TEXTS = [
  'a\rb',
  'a\nb',
  'a\r\nb',
  '\u2028\u2029',
  '\ufeffbom',
  ' space',
  ':colon',
  'data: x\n\nevent: y',
  '\0',
  '',
];
