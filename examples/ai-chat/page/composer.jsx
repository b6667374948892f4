import { useState } from 'react';

export function Composer({ isWriting, onSend, onStop }) {
  const [text, setText] = useState('');
  const send = (event) => {
    event.preventDefault();
    if (text.trim() === '' || isWriting) return;
    onSend(text);
    setText('');
  };
  return (
    <form onSubmit={send}>
      <label htmlFor="question" className="hidden">
        Your question
      </label>
      <input
        id="question"
        value={text}
        onChange={(event) => setText(event.target.value)}
        placeholder="Tell me about trains"
        autoComplete="off"
        autoFocus
      />
      {isWriting ? (
        <button type="button" className="stop" onClick={onStop}>
          Stop
        </button>
      ) : (
        <button type="submit" disabled={text.trim() === ''}>
          Send
        </button>
      )}
    </form>
  );
}
