// What one sees of an import: figures, chart, bad rows, result.
import { $, announce, whole } from './element.js';
import { createRateChart } from './rate-chart.js';
import { formatText, showColumns, summaryText } from './result.js';

const MAX_BAD_ROWS_SHOWN = 1_000;

export function createImportView() {
  const chart = createRateChart($('chart'));
  let quarter = 0;
  let attempt = 1;

  const setStatus = (status) => {
    $('status').textContent = status;
    $('status').dataset.state = status;
    $('cancel').disabled = status !== 'running';
  };
  const note = (text) => {
    $('note').textContent = text;
    announce(text);
  };
  const end = (status, text) => {
    setStatus(status);
    note(text);
  };

  return {
    note,
    end,
    markLate: chart.markLate,
    /** `moves`: the one who started it wants to see it; a reloaded page stays where it was. */
    begin(moves) {
      quarter = 0;
      attempt = 1;
      chart.clear();
      $('bad-list').replaceChildren();
      for (const id of ['result', 'bad-rows', 'bad-more']) $(id).hidden = true;
      $('format').textContent = 'Looking at how it is written …';
      for (const id of ['job', 'rates', 'findings']) $(id).hidden = false;
      setStatus('running');
      note('The import runs on the server; this page only watches.');
      if (moves) $('job-title').focus();
    },
    progress(data, seq) {
      const { file, rows, bad_rows, rows_per_second, elapsed_ms, bytes, bytes_total, new_bad_rows } = data;
      if (data.attempt > attempt)
        note(`Attempt ${data.attempt}: the new server goes on after row ${whole.format(rows)}.`);
      attempt = data.attempt;
      if (data.format) $('format').textContent = formatText(data.format);
      const share = bytes_total === 0 ? 0 : bytes / bytes_total;
      $('job-title').textContent = file;
      $('progress').value = share;
      $('rows').textContent = whole.format(rows);
      $('rate').textContent = whole.format(rows_per_second);
      $('bad').textContent = whole.format(bad_rows);
      $('seconds').textContent = (elapsed_ms / 1_000).toFixed(1);
      chart.add({ seq, seconds: elapsed_ms / 1_000, rows });
      addBadRows(new_bad_rows, bad_rows);
      // Often enough to know, seldom enough to listen to.
      const reached = Math.floor(share * 4);
      if (reached > quarter && reached < 4) announce(`${reached * 25} % of the file is read.`);
      quarter = reached;
    },
    complete(result) {
      $('progress').value = 1;
      end('completed', 'The import is complete.');
      $('summary').textContent = summaryText(result);
      showColumns($('columns'), result.columns);
      $('result').hidden = false;
    },
  };
}

function addBadRows(rows, count) {
  const list = $('bad-list');
  for (const { line, reason } of rows.slice(0, MAX_BAD_ROWS_SHOWN - list.childElementCount)) {
    const row = list.insertRow();
    const number = row.insertCell();
    number.className = 'number';
    number.textContent = whole.format(line);
    row.insertCell().textContent = reason;
  }
  $('bad-rows').hidden = count === 0;
  $('bad-title').textContent = `Bad rows (${whole.format(count)})`;
  $('bad-more').hidden = count <= MAX_BAD_ROWS_SHOWN;
  $('bad-more').textContent = `The first ${whole.format(MAX_BAD_ROWS_SHOWN)} of ${whole.format(count)} are shown.`;
}
