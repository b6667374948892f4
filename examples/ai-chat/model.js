// The model behind the chat: one that is made for tests, so that the example needs no network and no key. For a real
// one, install a provider and put it here: `export const model = openai('gpt-5');`
import { simulateReadableStream } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';

/** How fast it writes, in ms per word. */
const WORD_MS = Number(process.env.WORD_MS ?? 60);

export const model = new MockLanguageModelV4({
  modelId: 'a-mock-that-writes',
  async doStream({ prompt, abortSignal }) {
    const chunks = answerTo(textOf(prompt.at(-1)));
    const stream = simulateReadableStream({ initialDelayInMs: 300, chunkDelayInMs: WORD_MS, chunks });
    return { stream: stopAt(abortSignal, stream) };
  },
});

const textOf = ({ content }) => content.map((part) => part.text ?? '').join(' ');

/** A simulated stream knows nothing of signals; a provider’s does. */
function stopAt(signal, stream) {
  return stream.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        if (signal?.aborted) controller.error(signal.reason);
        else controller.enqueue(chunk);
      },
    }),
  );
}

function answerTo(question) {
  const topic = question.trim().replace(/[?.!]+$/, '') || 'nothing';
  const thoughts = `They ask about “${topic}”. A short story will do, long enough to be interrupted.`;
  return [
    ...piecesOf('reasoning', 'thoughts', thoughts),
    ...piecesOf('text', 'answer', `${opening(topic)}\n\n${STORY}`),
    {
      type: 'finish',
      finishReason: { unified: 'stop', raw: undefined },
      usage: {
        inputTokens: { total: 12, noCache: 12, cacheRead: undefined, cacheWrite: undefined },
        outputTokens: { total: 200, text: 170, reasoning: 30 },
      },
    },
  ];
}

const piecesOf = (kind, id, text) => [
  { type: `${kind}-start`, id },
  ...text.match(/\S+\s*/g).map((delta) => ({ type: `${kind}-delta`, id, delta })),
  { type: `${kind}-end`, id },
];

const opening = (topic) => `You asked about “${topic}”, and this is what the mock model has to say.`;

const STORY = [
  'Once there was an answer that took a minute to write. Its reader had a train to catch, and trains have tunnels.',
  'In the first tunnel the connection broke. The answer did not notice: it was being written on the server, word by word, into a log, and nobody’s socket was any of its business.',
  'In the second tunnel the reader closed the tab by mistake, opened it again, and found the same sentence where it had been, still growing. A friend opened the same chat on a phone, and saw it grow there too.',
  'When the train arrived the answer was done. It had been written once, read on three connections, and no word of it had been lost or said twice.',
].join('\n\n');
