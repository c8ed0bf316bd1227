// The mayor's office in the browser: what changed since the last look, forms, the map.
(function () {
  const main = document.getElementById('main');
  if (!main?.dataset.words) return;
  const t = JSON.parse(main.dataset.words);
  const language = document.documentElement.lang;
  const LOOKED = 'gunsan-looked';
  const HOUR = 3600e3;
  const STAY_MS = 30000;
  const api = async (path, options) => {
    const answer = await fetch(path, options);
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.error?.what ?? `${answer.status}`);
    return told;
  };

  // --- what changed since the last look ---------------------------------------------------------------------------
  const FIRST = 5; // what is seen at a glance; the others are a click away
  async function brief() {
    const list = document.getElementById('brief');
    if (!list) return;
    const line = document.getElementById('brief-since');
    const looked = Number(localStorage.getItem(LOOKED)) || Date.now() - 12 * HOUR;
    const since = new Date(Math.max(looked, Date.now() - 31 * 24 * HOUR)).toISOString();
    try {
      const told = await api(`/api/office/brief?since=${encodeURIComponent(since)}`);
      const shown = new Date(told.since).toLocaleString(language === 'en' ? 'en-GB' : 'ko-KR', { timeZone: 'Asia/Seoul', dateStyle: 'medium', timeStyle: 'short' });
      line.textContent = (told.sentences.length ? t['mayor.brief_since'] : t['mayor.brief_none']).replace('{time}', shown);
      const items = told.sentences.map((one) => {
        const item = document.createElement('li');
        item.append(Object.assign(document.createElement('a'), { href: one.link.replace(/(\?|#|$)/, (m) => (m === '?' ? `?lang=${language}&` : `?lang=${language}${m}`)), textContent: one[language] }));
        return item;
      });
      list.replaceChildren(...items.slice(0, FIRST));
      const rest = document.getElementById('brief-rest');
      rest.hidden = items.length <= FIRST;
      rest.querySelector('ol').replaceChildren(...items.slice(FIRST));
      rest.querySelector('ol').start = FIRST + 1;
      rest.querySelector('summary').textContent = t['mayor.brief_more'].replace('{n}', items.length - FIRST);
      setTimeout(() => localStorage.setItem(LOOKED, Date.now()), STAY_MS); // a glance that short has not been a look
    } catch (error) {
      line.textContent = `${t['mayor.brief_lost']} ${error.message}`;
    }
  }

  // --- forms --------------------------------------------------------------------------------------------------------
  const said = (form, text) => (form.querySelector('.said').textContent = text);
  document.addEventListener('submit', async (event) => {
    const form = event.target;
    const { entry, key } = form.dataset;
    if (!entry && form.id !== 'indicator-form') return;
    event.preventDefault();
    try {
      if (entry) {
        const value = Object.fromEntries([...new FormData(form)].filter(([, text]) => text !== ''));
        if (value.progress_percent !== undefined) value.progress_percent = Number(value.progress_percent);
        const name = key ?? `${Date.now().toString(36)}`;
        await api(`/api/office/entries/${entry}/${encodeURIComponent(name)}`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) });
      } else {
        await api('/api/office/indicators', { method: 'POST', body: form.querySelector('[type=file]').files[0] });
      }
      window.location.reload();
    } catch (error) {
      said(form, error.message);
    }
  });
  document.addEventListener('click', async ({ target }) => {
    const button = target.closest?.('[data-remove]');
    if (button) {
      await api(`/api/office/entries/${button.dataset.remove}/${encodeURIComponent(button.dataset.key)}`, { method: 'DELETE' }).catch(() => {});
      window.location.reload();
    }
    const goal = target.closest?.('[data-goto][data-lon]');
    if (goal) window.location.href = `/mayor/map?lang=${language}#${goal.dataset.lon},${goal.dataset.lat}`;
  });

  // --- the map ------------------------------------------------------------------------------------------------------
  const box = document.getElementById('mayor-map');
  if (box && window.gunsan_twin) {
    const { Engine, base } = window.gunsan_twin;
    const switches = [...document.querySelectorAll('[name=layer]')];
    const visible = () => switches.filter((one) => one.checked).map((one) => one.value);
    let props = { spec: JSON.parse(document.getElementById('spec').textContent), language, mode: box.dataset.mapMode, base, visible: visible() };
    const told = document.getElementById('map-told');
    /** Say what was clicked, with the way to its district. */
    async function tell({ clicked }) {
      if (!clicked?.asset) return;
      const one = await api(`/api/assets/${clicked.asset}`).catch((error) => ({ name_ko: error.message }));
      const name = (row, key) => (language === 'en' && row[`${key}_en`]) || row[`${key}_ko`] || '';
      const district = [...document.querySelectorAll('.chips a')].find((link) => link.textContent === name(one, 'unit'));
      told.replaceChildren(Object.assign(document.createElement('b'), { textContent: name(one, 'name') }), ' · ', district?.cloneNode(true) ?? name(one, 'unit'));
    }
    const engine = new Engine(box, props, tell);
    const change = (more) => {
      props = { ...props, ...more };
      engine.update(props);
    };
    for (const one of switches) one.addEventListener('change', () => change({ visible: visible() }));
    const [lon, lat] = window.location.hash.slice(1).split(',').map(Number);
    if (lat) {
      const wait = setInterval(() => {
        if (window.__twin.state !== 'ready') return;
        clearInterval(wait);
        change({ flyTo: { lon, lat, zoom: 15.5 } });
      }, 200);
    }
    window.addEventListener('gunsan-moment', ({ detail }) => {
      if (detail.water.run || props.run) change(detail.water);
    });
  }
  brief();
})();
