// The page of a share: asks for the case, listens to what changes, and goes dark when the share is over.
(function () {
  const root = document.getElementById('share');
  if (!root) return;
  const words = JSON.parse(root.dataset.words);
  const marks = JSON.parse(root.dataset.marks);
  const language = document.documentElement.lang || 'ko';
  const w = (key) => words[key] ?? key.split('.').pop();
  const base = window.location.pathname.replace(/\/$/, '');
  const $ = (query) => document.querySelector(query);
  const state = (window.__share = { link: 'connecting', rows: {}, told: null, isOver: false, tries: 0, messages: 0 });
  const KST = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Seoul', dateStyle: 'short', timeStyle: 'medium' });
  const at = (time) => (time ? KST.format(new Date(time)).slice(5, 16) : '–');
  const name = (one) => (language === 'en' && (one.name_en || one.title_en)) || one.name_ko || one.title_ko || one.key || '';
  let map = null;
  let socket = null;

  function el(tag, facts = {}, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(facts)) {
      if (value === null || value === undefined || value === false) continue;
      if (key in made) made[key] = value;
      else made.setAttribute(key, value);
    }
    made.append(...children.flat(3).filter((one) => one !== null && one !== undefined && one !== false));
    return made;
  }
  const section = (title, ...children) => el('section', {}, el('h2', {}, title), ...children);

  // --- the end: nothing of the case stays, neither on the page nor in memory ----------------------------------------------
  function dark() {
    if (state.isOver) return;
    map?.clear();
    $('#case').replaceChildren();
    for (const id of ['case', 'pin']) $(`#${id}`).hidden = true;
    $('#over').hidden = false;
    document.documentElement.dataset.mode = 'live';
    $('#mode-word').textContent = '';
    Object.assign(state, { told: null, rows: {}, isOver: true, link: 'over' });
    map = null;
    socket?.close();
    document.title = document.title.split(' · ')[0];
  }
  async function ask(path, options) {
    const answer = await fetch(`${base}${path}`, { cache: 'no-store', signal: AbortSignal.timeout(20000), ...options });
    if (answer.status === 404) dark();
    if (!answer.ok) throw Object.assign(new Error(`${answer.status}`), { status: answer.status });
    return answer;
  }
  const post = (path, body) => ask(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

  // --- the case ---------------------------------------------------------------------------------------------------------
  async function open() {
    let told;
    try {
      told = await (await ask('/case')).json();
    } catch (error) {
      if (error.status === 403) $('#pin').hidden = false;
      else if (!state.isOver) setTimeout(open, 2000);
      return;
    }
    state.told = told;
    $('#pin').hidden = true;
    document.documentElement.dataset.mode = told.mode;
    $('#mode-word').textContent = told.mode === 'live' ? '' : w(`mode.${told.mode}`);
    build(told);
    listen();
    try {
      map.incident = told.incident.lon === null ? null : told.incident;
      map.load(await (await ask('/map')).json());
      state.hasMap = true;
    } catch {
      if (!state.isOver) $('#said').textContent = w('share.lost');
    }
  }
  function build(told) {
    const { share } = told;
    const canvas = el('canvas', { id: 'map', role: 'img', 'aria-label': w('share.map') });
    const tool = (text, title, act) => el('button', { type: 'button', title: w(title), 'aria-label': w(title), onclick: act }, text);
    $('#case').hidden = false;
    const parts = [
      el('div', { id: 'head' }),
      el('section', { className: 'map' }, canvas, el('div', { className: 'tools' }, tool('+', 'share.zoom_in', () => map.zoom(1.5)), tool('−', 'share.zoom_out', () => map.zoom(0.67)), tool('◎', 'share.home', () => map.home())), el('output', { id: 'said' })),
      el('button', { type: 'button', className: 'seen', id: 'seen', onclick: seen, disabled: share.seen !== null }, share.seen ? `✓ ${w('share.was_seen')} ${at(share.seen)}` : w('share.seen')),
      told.incident.lon === null ? null : section(w('share.route'), el('div', { className: 'ways' },
        el('button', { type: 'button', id: 'from-here', onclick: fromHere }, w('share.from_here')),
        el('select', { id: 'from-agency', 'aria-label': w('share.from_agency'), onchange: ({ target }) => target.value !== '' && way(told.help[target.value].lon, told.help[target.value].lat) },
          el('option', { value: '' }, w('share.from_agency')), told.help.map((one, n) => el('option', { value: n }, `${w(`role.${one.kind}`)} · ${name(one)}${one.road_s === null ? '' : ` · ${w('share.by_road').replace('{n}', Math.max(1, Math.round(one.road_s / 60)))}`}`))),
        el('p', { id: 'way', role: 'status' }))),
      section(w('share.call'), el('ul', {}, contact(share.contact), call(w('share.fire_call'), '119'), call(w('share.police_call'), '112'))),
      el('div', { id: 'changing' }),
      told.cameras.length ? section(w('share.cameras'), el('ul', {}, told.cameras.map(camera)), el('p', { className: 'soft' }, w('share.masked'))) : null,
      el('section', {}, el('details', {}, el('summary', {}, w('share.layers')), el('div', { id: 'around' }))),
      section(w('share.title'), el('dl', {}, facts([[w('share.agency'), share.agency], [w('share.purpose'), share.purpose], [w('share.field_ground'), w(`ground.${share.ground}`)]])), el('p', { className: 'soft' }, w('share.since')), el('p', { className: 'soft' }, w('share.notice'))),
    ];
    $('#case').replaceChildren(...parts.filter(Boolean));
    map = new window.gunsan_share_map(canvas, { onChoose: choose });
    state.map = map;
    change(told);
    around();
  }
  const facts = (rows) => rows.filter(([, text]) => text).flatMap(([key, text]) => [el('dt', {}, key), el('dd', {}, text)]);
  const call = (text, number) => el('li', {}, el('a', { className: 'call', href: `tel:${number.replace(/[^\d+]/g, '')}` }, text, el('b', {}, number)));
  function contact(text) {
    if (!text) return null;
    const number = text.match(/\+?\d[\d -]{6,}\d/)?.[0];
    return number ? call(text.replace(number, '').trim() || w('share.center'), number) : el('li', {}, text);
  }
  /** What may change while somebody looks. */
  function change(told) {
    const one = told.incident;
    Object.assign(state.told, told);
    $('#head').replaceChildren(el('div', { className: `head is-${one.severity}` },
      el('div', { className: 'row' }, el('span', { className: 'severity' }, el('img', { src: marks[one.severity] ?? marks.info, alt: '' }), w(`severity.${one.severity}`)), el('span', {}, w(`desk.${one.state}`)), el('span', { id: 'link', className: 'soft push', role: 'status' })),
      el('h1', {}, name(one)),
      el('p', {}, [(language === 'en' && one.unit_en) || one.unit_ko, state.told.address].filter(Boolean).join(' · ')),
      el('p', { className: 'soft row' }, el('span', {}, `${w('share.opened')} ${at(one.opened)}`), el('span', { className: 'push' }, `${w('share.left')} `, el('b', { id: 'left' })))));
    const tasks = told.tasks.map((task) => el('li', { className: `is-${task.state}` }, el('span', {}, name(task)), el('span', { className: 'push soft' }, task.state === 'open' ? (task.due ? `${w('share.due')} ${at(task.due).slice(6)}` : '') : w(`desk.${task.state}`))));
    $('#changing').replaceChildren(section(w('share.tasks'), tasks.length ? el('ul', {}, tasks) : el('p', { className: 'soft' }, w('share.no_tasks'))),
      el('div', { style: 'height: 12px' }), section(w('share.changes'), el('ul', {}, [...told.timeline].reverse().slice(0, 20).map((line) => el('li', {}, el('span', { className: 'soft' }, at(line.at)), el('span', {}, w(`entry.${line.kind}`)))))));
    if (map && one.lon !== null) map.incident = one;
    map?.draw();
    tick();
  }
  function camera(one) {
    const image = el('img', { alt: name(one), hidden: true });
    const said = el('figcaption', {});
    const show = async (isFirst) => {
      if (state.isOver) return;
      try {
        const picture = await (await ask(`/cameras/${one.asset}.jpg${isFirst ? '?first=true' : ''}`)).blob();
        URL.revokeObjectURL(image.src);
        Object.assign(image, { src: URL.createObjectURL(picture), hidden: false });
        said.textContent = at(Date.now());
      } catch (error) {
        image.hidden = true;
        said.textContent = error.status === 503 ? w('share.no_picture') : w('share.lost');
        if (error.status) return;
      }
      if (box.open) setTimeout(show, 5000);
    };
    const box = el('details', {}, el('summary', {}, `${name(one)} — ${w('share.show_camera')}`), el('figure', {}, image, said));
    box.addEventListener('toggle', () => box.open && show(true));
    return el('li', { style: 'display: block' }, box);
  }
  async function seen() {
    try {
      const told = await (await post('/seen', {})).json();
      state.told.share.seen = told.seen;
      Object.assign($('#seen'), { disabled: true, textContent: `✓ ${w('share.was_seen')} ${at(told.seen)}` });
    } catch {
      if (!state.isOver) $('#said').textContent = w('share.lost');
    }
  }

  // --- the way there ----------------------------------------------------------------------------------------------------
  function fromHere() {
    const sorry = () => ($('#way').textContent = w('share.no_place'));
    if (!navigator.geolocation) return sorry();
    return navigator.geolocation.getCurrentPosition(({ coords }) => {
      map.me = { lon: coords.longitude, lat: coords.latitude };
      way(coords.longitude, coords.latitude);
    }, sorry, { timeout: 15000, enableHighAccuracy: true });
  }
  async function way(lon, lat) {
    try {
      const found = await (await ask(`/route?lon=${lon}&lat=${lat}`)).json();
      $('#way').textContent = found.road_s === null ? w('share.no_route') : w('share.by_road').replace('{n}', Math.max(1, Math.round(found.road_s / 60)));
      map.way = found.line;
      if (found.line.length) map.fit(found.line);
    } catch {
      if (!state.isOver) $('#way').textContent = w('share.lost');
    }
  }

  // --- what is around it ------------------------------------------------------------------------------------------------
  const layer = (id) => state.told.layers.find((one) => one.id === id);
  function titled(one) {
    const [ko, en] = state.told.names[one.asset] ?? [];
    return (language === 'en' && en) || ko || layer(one.layer).title[language];
  }
  function values(one) {
    const parts = layer(one.layer).properties.filter((prop) => one.results[prop.id] !== undefined).slice(0, 4).map((prop) => {
      const value = one.results[prop.id];
      const text = prop.kind === 'enum' ? prop.values[value]?.[language] ?? '–' : prop.kind === 'time' ? at(value * 1000) : `${Math.round(value * 100) / 100}${prop.unit ? ` ${prop.unit}` : ''}`;
      return `${prop.title[language]} ${text}`;
    });
    return parts.length ? `${parts.join(', ')} (${at(one.time).slice(6)})` : w('share.no_values');
  }
  function around() {
    const every = Object.values(state.rows).flatMap((rows) => [...rows.values()]);
    const cameras = state.told.cameras.map((one) => ({ ...one, isCamera: true, rank: 0 }));
    map.assets = [...every, ...cameras];
    map.draw();
    const shown = every.filter((one) => one.rank || one.time).sort((a, b) => b.rank - a.rank).slice(0, 40);
    $('#around').replaceChildren(shown.length ? el('ul', {}, shown.map((one) => el('li', {}, one.severity ? el('span', { className: 'severity' }, el('img', { src: marks[one.severity], alt: '' }), w(`severity.${one.severity}`)) : null, el('b', {}, titled(one)), el('span', { className: 'soft' }, `${layer(one.layer).title[language]} · ${values(one)}`)))) : el('p', { className: 'soft' }, w('share.no_values')));
  }
  function choose(one) {
    for (const other of map.assets) other.isChosen = other === one;
    $('#said').textContent = !one ? '' : one.isCamera ? `${w('share.cameras')} · ${name(one)}` : `${titled(one)} — ${values(one)}`;
    map.draw();
  }

  // --- live -------------------------------------------------------------------------------------------------------------
  function listen() {
    const mine = (socket = new WebSocket(`${window.location.protocol === 'https:' ? 'wss' : 'ws'}://${window.location.host}/ws${base}`.replace('/ws/s/', '/ws/share/')));
    mine.onmessage = ({ data }) => {
      if (state.isOver) return;
      const told = JSON.parse(data);
      Object.assign(state, { tries: 0, heard: Date.now(), messages: state.messages + 1 });
      link('live');
      if (told.type === 'case') change(told);
      else if (told.type === 'rows') {
        const rows = (state.rows[told.layer] ??= new Map());
        for (const one of told.rows) rows.set(one.asset, { ...one, layer: told.layer });
        for (const asset of told.gone) rows.delete(asset);
        soon();
      }
    };
    mine.onclose = ({ code }) => {
      if (state.isOver) return;
      if (code === 4410 || code === 4404) return dark();
      link('lost');
      state.rows = {};
      setTimeout(async () => {
        // a link that was cut may be over: ask before listening again
        try {
          await ask('/map', { method: 'GET' });
        } catch {}
        if (!state.isOver) listen();
      }, Math.min(1000 * 2 ** state.tries++, 10000));
    };
  }
  function soon() {
    soon.timer ??= setTimeout(() => {
      soon.timer = null;
      if (!state.isOver) around();
    }, 250);
  }
  function link(is) {
    state.link = is;
    tick();
  }
  function tick() {
    if (state.isOver || !state.told) return;
    const seconds = (Date.parse(state.told.share.expires) - Date.now()) / 1000;
    if (seconds <= 0) return dark();
    const minutes = Math.ceil(seconds / 60);
    if ($('#left')) $('#left').textContent = (minutes >= 60 ? w('share.hours_left') : w('share.minutes_left')).replace('{h}', Math.floor(minutes / 60)).replace('{m}', minutes % 60);
    const isLost = state.link !== 'live' || Date.now() - (state.heard ?? 0) > 8000;
    const line = $('#link');
    if (!line) return;
    line.textContent = state.link === 'connecting' ? w('share.loading') : isLost ? `${w('share.lost')} ${at(state.heard).slice(6)}` : `● ${w('share.live')}`;
    line.classList.toggle('is-lost', isLost && state.link !== 'connecting');
    line.classList.add('link');
  }
  setInterval(tick, 1000);

  $('#pin form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const said = $('#pin .said');
    try {
      const told = await (await post('/pin', { pin: new FormData(event.target).get('pin') })).json();
      if (told.is_right) {
        said.textContent = '';
        event.target.reset();
        open();
      } else {
        said.textContent = w('share.pin_wrong');
        event.target.reset();
      }
    } catch {
      if (!state.isOver) said.textContent = w('share.lost');
    }
  });
  if (root.dataset.state === 'over') state.isOver = true;
  else if (root.dataset.state === 'open') open();
})();
