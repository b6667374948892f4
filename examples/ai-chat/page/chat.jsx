import { useEffect, useRef } from 'react';
import { useChat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import { resumableFetch } from '../../../dist/esm/client/index.js';
import { Composer } from './composer.jsx';
import { Message } from './message.jsx';

const transport = new DefaultChatTransport({
  api: '/api/chat',
  // The one line that makes a broken connection none: the answer goes on where it was.
  fetch: resumableFetch(),
  prepareSendMessagesRequest: ({ id, messages }) => ({ body: { id, message: messages.at(-1) } }),
});

export function Chat({ id, finished }) {
  // `resume`: a page that opens, reloads or is the second one joins the answer that is being written.
  const chat = useChat({ id, messages: finished, transport, resume: true });
  const { messages, sendMessage, status, error, clearError } = chat;
  const writing = status === 'submitted' || status === 'streaming';

  // Stopping is a request of its own: leaving a page must not stop what it shows.
  const stop = async () => {
    await fetch(`/api/chat/${id}/stream`, { method: 'DELETE' });
    await chat.stop();
  };

  return (
    <>
      <header>
        <h1>A chat that survives</h1>
        <p className="hint">Ask, then reload the page, open it twice, or cut the connection. The answer goes on.</p>
        <nav>
          <a href={location.pathname} target="_blank" rel="noreferrer">
            Open a second tab
          </a>
          <button type="button" onClick={() => void fetch('/cut', { method: 'POST' })}>
            Cut the connection
          </button>
          <a href="/">New chat</a>
        </nav>
      </header>
      <main aria-live="polite" aria-busy={writing}>
        {messages.length === 0 && <p className="empty">Nothing here yet. Ask for a story.</p>}
        {messages.map((message) => (
          <Message key={message.id} message={message} isWriting={writing && message === messages.at(-1)} />
        ))}
        {status === 'submitted' && <p className="thinking">Thinking…</p>}
        {error && (
          <p role="alert">
            {error.message}{' '}
            <button type="button" onClick={clearError}>
              Dismiss
            </button>
          </p>
        )}
        <End of={messages} />
      </main>
      <Composer isWriting={writing} onSend={(text) => void sendMessage({ text })} onStop={() => void stop()} />
    </>
  );
}

/** Keeps the newest line in view, unless the reader has scrolled up. */
function End({ of }) {
  const end = useRef(null);
  useEffect(() => {
    const { scrollHeight, scrollTop, clientHeight } = document.documentElement;
    if (scrollHeight - scrollTop - clientHeight < 160) end.current?.scrollIntoView({ block: 'end' });
  }, [of]);
  return <div ref={end} className="end" />;
}
