export function Message({ message: { role, parts }, isWriting }) {
  return (
    <article className={role} data-writing={isWriting}>
      {parts.map((part, index) => (
        <Part key={index} part={part} isLast={isWriting && index === parts.length - 1} />
      ))}
    </article>
  );
}

function Part({ part, isLast }) {
  if (part.type === 'reasoning') {
    return (
      <details className="reasoning" open={part.state === 'streaming'}>
        <summary>{part.state === 'streaming' ? 'Thinking' : 'Thought about it'}</summary>
        <p>{part.text}</p>
      </details>
    );
  }
  if (part.type !== 'text') return null;
  return part.text.split('\n\n').map((paragraph, index, all) => (
    <p key={index}>
      {paragraph}
      {isLast && index === all.length - 1 && <span className="caret" aria-hidden="true" />}
    </p>
  ));
}
