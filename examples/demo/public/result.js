// The result of an import: totals, and one table with bars per way to group them.
const whole = new Intl.NumberFormat('en');
const money = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const MAX_LINES = 12;

export function showResult(result, { section, summary, tables }) {
  const { rows, bad_rows, orders, units, revenue, elapsed_ms } = result;
  summary.textContent =
    `${whole.format(orders)} orders of ${whole.format(units)} units for ${money.format(revenue)}: ` +
    `${whole.format(rows)} rows read in ${(elapsed_ms / 1_000).toFixed(1)} s, ${whole.format(bad_rows)} of them bad.`;
  tables.replaceChildren(
    createTable('By month', 'month', result.by_month),
    createTable('By product', 'product', result.by_product),
    createTable('By country', 'country', result.by_country),
  );
  section.hidden = false;
}

function createTable(title, key, lines) {
  const table = document.createElement('table');
  table.createCaption().textContent =
    lines.length > MAX_LINES ? `${title} (${MAX_LINES} of ${whole.format(lines.length)})` : title;
  const head = table.createTHead().insertRow();
  for (const name of [key, 'orders', 'revenue']) {
    const cell = document.createElement('th');
    cell.scope = 'col';
    cell.textContent = name;
    if (name !== key) cell.className = 'number';
    head.append(cell);
  }
  const most = Math.max(...lines.map(({ revenue }) => revenue), 1);
  const body = table.createTBody();
  for (const line of lines.slice(0, MAX_LINES)) {
    const row = body.insertRow();
    row.insertCell().textContent = line[key] ?? 'others';
    const orders = row.insertCell();
    orders.className = 'number';
    orders.textContent = whole.format(line.orders);
    const revenue = row.insertCell();
    revenue.className = 'number bar';
    revenue.textContent = money.format(line.revenue);
    revenue.style.setProperty('--share', `${(line.revenue / most) * 100}%`);
  }
  return table;
}
