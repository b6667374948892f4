import { createRoot } from 'react-dom/client';
import { Chat } from './chat.jsx';

const id = location.pathname.split('/').at(-1);
const messages = await (await fetch(`/api/chat/${id}`)).json();
createRoot(document.getElementById('chat')).render(<Chat id={id} finished={messages} />);
