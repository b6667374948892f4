// The page: a line that can be cut, and two jobs to watch over it.
import { createAnswerPanel } from './answer-panel.js';
import { $ } from './element.js';
import { createImportPanel } from './import-panel.js';
import { createLine } from './line.js';

const line = createLine();
createImportPanel(line);
createAnswerPanel(line);

$('shell').textContent = [
  `curl -N '${location.origin}/report?steps=20&interval_ms=200'`,
  `curl -i --form file=@orders.csv ${location.origin}/imports   # then curl -N its Location`,
].join('\n');
