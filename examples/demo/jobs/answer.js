// Answers a question token by token, as language models do. No model and no network: three answers are written below,
// and come in pieces at an uneven pace.
import { setTimeout as sleep } from 'node:timers/promises';

const ANSWERS = {
  reload: `Because the answer is not tied to the page that asked for it.

The server runs the job on its own and writes every token to a log: token 1, token 2, token 3. Your page is a reader of that log, and its position is the number of the last token it has.

When you reload, the page forgets everything but a short key in its session storage. With that key it asks for a snapshot: the text so far, folded on the server token by token, in one event. Then it reads on from there, live, as if nothing had happened.

So the text is back at once, however long it is. Nothing is generated twice, nothing is paid for twice, and the model never noticed that you were gone.

Try it now, in the middle of this sentence, while it is still being written: press reload, or cut the line, or do both, and look at the colour of what comes back.`,

  tunnel: `First, nothing. A connection that dies in a tunnel does not say goodbye: no packet tells your phone that the other side is out of reach.

The client notices all the same. The server sends a heartbeat every fifteen seconds, so a stream that has been silent for forty-five is taken for dead, and asked for again. Often it need not wait that long: when the phone finds a network, it says so, and the client reconnects in the same moment.

It waits a little between attempts, then longer, and never quite as long as the phone beside it, so that a train full of passengers does not knock at the same instant when the tunnel ends.

And then it says the only thing it has to say: the number of the last event it has. The server looks into the log and writes what comes after. You see the words appear in one gust, then at the old pace. Try it: press "Go offline", count to ten, and read on.`,

  shanty: `Oh, the packets put out on a Monday at dawn,
  (log them down, lads, log them down)
With a number on each, and by noon they were gone,
  (and we'll play them back from the log!)

There was one for the captain and two for the crew,
  (log them down, lads, log them down)
And the line it was cut before number three blew,
  (and we'll play them back from the log!)

"Now where did you lose us?" the harbour-light cried,
  (log them down, lads, log them down)
"At two!" called the client, "so three is my tide!"
  (and we'll play them back from the log!)

Not a one came in double, not a one went astray,
  (log them down, lads, log them down)
For an id at the end of the frame shows the way,
  (and we'll play them back from the log!)`,
};

export const QUESTIONS = Object.keys(ANSWERS);

/** @typedef {{ question?: string }} AnswerInput without one it goes on with that of the attempt before */
/** @typedef {{ at: number, text: string, question: string }} Token `at`: how many there are up to it */

/** @type {import('resumable-sse').AsyncTask<Token, object, AnswerInput>} */
export async function answerQuestion({ input, signal, lastProgress }, _taskId, updateProgress) {
  const question = input.question ?? lastProgress?.question ?? QUESTIONS[0];
  const tokens = ANSWERS[question].match(/\s*\S{1,5}/g) ?? [];
  // An attempt before this one, on a server that is gone, has told some of them.
  for (let at = (lastProgress?.at ?? 0) + 1; at <= tokens.length; at++) {
    await sleep(15 + 60 * Math.random() ** 2, undefined, { signal });
    await updateProgress({ at, text: tokens[at - 1], question });
  }
  return { tokens: tokens.length };
}

/**
 * The text so far: what a reader gets who has lost it.
 *
 * @type {import('resumable-sse').SnapshotOptions<Token, { question: string, text: string }>}
 */
export const TEXT_SO_FAR = {
  initial: () => ({ question: '', text: '' }),
  reduce: ({ text }, token) => ({ question: token.question, text: text + token.text }),
};
