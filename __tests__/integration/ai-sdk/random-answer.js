// Random answers of a model as UI message chunks: steps, texts and reasoning that overlap, tools with streamed input and
// preliminary output, data parts that change, sources, files, metadata.
export function randomAnswer(random, { steps = 3, parts = 4, pieces = 12 } = {}) {
  const chunks = [{ type: 'start', messageId: `m${random.int(1, 9)}`, messageMetadata: { model: 'mock' } }];
  const texts = ['the ', 'zwölf ', '🥊', 'line\n', '\n\n', 'data: x\n\n', '"quoted" ', '\u2028', ''];
  let ids = 0;
  for (let step = random.int(1, steps); step > 0; step--) {
    chunks.push({ type: 'start-step' });
    const open = Array.from({ length: random.int(1, parts) }, () => randomPart(random, `${++ids}`, texts, pieces));
    while (open.length > 0) {
      const turn = random.int(0, open.length - 1);
      for (let run = random.int(1, 6); run > 0 && open[turn]?.length > 0; run--) chunks.push(open[turn].shift());
      if (open[turn].length === 0) open.splice(turn, 1);
    }
    chunks.push({ type: 'finish-step' });
  }
  chunks.push({ type: 'finish', finishReason: 'stop', messageMetadata: { tokens: chunks.length } });
  return chunks;
}

function randomPart(random, id, texts, pieces) {
  const some = (make) => Array.from({ length: random.int(0, pieces) }, (_, n) => make(n));
  switch (random.int(0, 7)) {
    case 0:
    case 1:
    case 2: {
      const kind = random.pick(['text', 'reasoning']);
      const delta = (n) => ({
        ...{ type: `${kind}-delta`, id, delta: random.pick(texts) },
        ...(random.chance(0.05) ? { providerMetadata: { mock: { n } } } : {}),
      });
      return [{ type: `${kind}-start`, id }, ...some(delta), { type: `${kind}-end`, id }];
    }
    case 3:
    case 4: {
      const [toolCallId, dynamic] = [`call-${id}`, random.chance(0.3)];
      const tool = { toolCallId, toolName: 'weather', ...(dynamic ? { dynamic } : {}) };
      const input = JSON.stringify({ city: 'Århus', days: [1, 2, 3] });
      const cut = random.int(1, input.length - 1);
      const result = random.chance(0.8)
        ? { type: 'tool-output-available', toolCallId, output: { celsius: random.int(-9, 30) } }
        : { type: 'tool-output-error', toolCallId, errorText: 'no such city' };
      return [
        { type: 'tool-input-start', ...tool },
        { type: 'tool-input-delta', toolCallId, inputTextDelta: input.slice(0, cut) },
        { type: 'tool-input-delta', toolCallId, inputTextDelta: input.slice(cut) },
        { type: 'tool-input-available', ...tool, input: JSON.parse(input) },
        ...(random.chance(0.3)
          ? [{ type: 'tool-output-available', toolCallId, output: { celsius: 0 }, preliminary: true }]
          : []),
        result,
      ];
    }
    case 5:
      return some((n) => ({ type: 'data-progress', id: `d${random.pick([1, 2])}`, data: { n } }));
    case 6:
      return [
        { type: 'source-url', sourceId: id, url: `https://example.com/${id}`, title: 'A source' },
        { type: 'file', mediaType: 'text/plain', url: 'data:text/plain,hello' },
      ];
    default:
      return [{ type: 'message-metadata', messageMetadata: { [`part${id}`]: true } }];
  }
}
