// The planner's analyses: asks the service for one, writes its table, and hands its shapes to the map.
(function () {
  const $ = (query) => document.querySelector(query);
  const COLOUR = ['#6b7783', '#f0e442', '#e69f00', '#d55e00'];
  const DIGITS = { minutes: 1, farthest: 1, depth: 2, street_km: 1, seen_km: 1 };
  let shown = null;

  function el(tag, text, props = {}) {
    return Object.assign(document.createElement(tag), { textContent: text ?? '', ...props });
  }

  function cell(value, id, language) {
    if (value === null || value === undefined) return '–';
    if (typeof value === 'object') return value[language] ?? value.ko;
    return typeof value === 'number' ? value.toLocaleString('en', { minimumFractionDigits: DIGITS[id] ?? 0, maximumFractionDigits: DIGITS[id] ?? 0 }) : String(value);
  }

  function table({ id: name, columns, rows }, words, language) {
    const table = el('table', '', { className: 'rows' });
    const head = table.createTHead().insertRow();
    head.append(el('th', words[name === 'water' ? 'analysis.place' : 'analysis.unit'], { scope: 'col' }));
    for (const { id, unit } of columns) head.append(el('th', `${words[`analysis.${id}`]}${unit ? ` (${unit})` : ''}`, { scope: 'col' }));
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      line.append(el('th', (language === 'en' && row.name_en) || row.name_ko, { scope: 'row' }));
      for (const { id } of columns) line.append(el('td', words[`analysis.kind_${cell(row[id], id, language)}`] ?? cell(row[id], id, language), { className: 'number' }));
    }
    return table;
  }

  async function show(name) {
    const panel = $('#analysis');
    const words = JSON.parse(panel.dataset.words);
    const language = $('#console').lang;
    const found = $('#analysis-found');
    for (const button of panel.querySelectorAll('[data-analysis]')) button.setAttribute('aria-pressed', String(button.dataset.analysis === name));
    window.dash_clientside.set_props('planner-map', { overlay: null });
    shown = name;
    if (!name) return found.replaceChildren();
    found.replaceChildren(el('p', words['analysis.wait']));
    const run = window.__twin?.run;
    const answer = await fetch(`/api/analyses/${name}${name === 'water' && run ? `?run=${run}` : ''}`).catch(() => null);
    const told = await answer?.json().catch(() => null);
    if (shown !== name) return undefined; // another one was chosen meanwhile
    if (!answer?.ok) return found.replaceChildren(el('p', name === 'water' ? words['analysis.no_run'] : (told?.error?.what ?? words['analysis.failed']), { className: 'error' }));
    for (const one of told.features.features) one.properties.text = one.properties[language] ?? one.properties.ko;
    window.dash_clientside.set_props('planner-map', { overlay: told.features });
    const key = el('p', '');
    COLOUR.forEach((colour, level) => {
      const word = words[`analysis.${name}_${level}`];
      if (word) key.append(Object.assign(el('span', '', { className: 'level' }), { style: `background:${colour}` }), `${word}  `);
    });
    found.replaceChildren(el('p', words[`analysis.${name}_how`]), key, told.rows.length ? table(told, words, language) : el('p', words['analysis.none']));
    return undefined;
  }

  document.addEventListener('click', ({ target }) => {
    const button = target.closest?.('#analysis [data-analysis]');
    if (button) show(button.dataset.analysis === shown ? null : button.dataset.analysis);
  });
})();
