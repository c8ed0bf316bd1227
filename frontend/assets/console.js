// What the console does in the browser without the server: the glue of the map, ages, the clock, keys, panes.
(function () {
  const skip = () => window.dash_clientside.no_update;
  const $ = (query) => document.querySelector(query);
  const [TYPED_MS, SAID_MS, READ_MS] = [250, 8000, 1500];

  // --- between the stores and the map ---------------------------------------------------------------------------
  const triggered = () => new Set(window.dash_clientside.callback_context.triggered.map((one) => one.prop_id));
  window.dash_clientside = window.dash_clientside ?? {};
  window.dash_clientside.gunsan_console = {
    toMap: (visible, focus, selected) => [visible ?? skip(), triggered().has('focus.data') && focus ? focus : skip(), selected ?? null],
    fromMap(clicked, viewport, seq, selected) {
      const which = triggered();
      const chosen = clicked && (clicked.layer || clicked.facts) ? clicked : null;
      const isNew = which.has('map.clicked') && (chosen || selected);
      return [isNew ? chosen : skip(), which.has('map.viewport') ? viewport : skip(), which.has('map.event_seq') ? seq : skip()];
    },
    notice(link, ready, error, words) {
      const text = error && !ready ? 'error' : !ready ? 'loading' : link === 'lost' || link === 'stale' ? link : '';
      const state = link ?? 'connecting';
      return [text ? words[`notice.${text}`] : '', `notice ${text ? `is-${text}` : 'is-quiet'}`, `link is-${state}`, words[`link.${state}`]];
    },
    layerFacts(facts, visible) {
      if (!facts) return skip();
      for (const [id, row] of Object.entries(facts.live)) {
        const count = $(`[data-count="${id}"]`);
        const time = $(`[data-latest="${id}"]`);
        if (!count || !time) continue;
        if (count.textContent !== row.count) count.textContent = row.count;
        time.dataset.stale = row.stale;
        if (row.latest) time.dateTime = row.latest;
        else time.textContent = row.never;
      }
      const live = (visible ?? []).map((id) => facts.live[id]?.attribution);
      return [...new Set([...facts.base, ...live].filter(Boolean))].join(' · ');
    },
    toFlat: (focus) => (focus ? { center: [focus.lat, focus.lon], zoom: 16, transition: 'setView' } : skip()),
    fromFlat() {
      const one = window.dash_clientside.callback_context.triggered.find((t) => t.value);
      if (!one) return skip();
      const { layer, asset } = one.value.properties;
      return { layer, asset, at: Date.now() };
    },
    flatBox: (bounds) => (bounds ? { bbox: [bounds[0][1], bounds[0][0], bounds[1][1], bounds[1][0]] } : skip()),
  };

  // --- the flat map's marks ------------------------------------------------------------------------------------
  const COLOUR = { caution: '#f0e442', alarm: '#e69f00', danger: '#d55e00' };
  window.gunsan_flat = {
    mark({ properties: p }, at) {
      const colour = COLOUR[p.severity] ?? (p.isKnown ? '#97a4b0' : '#6d7985');
      const mark = window.L.circleMarker(at, { radius: p.severity ? 9 : p.isKnown ? 5 : 3, color: p.severity ? '#0b0f13' : '#12161a', weight: 1.5, fillColor: colour, fillOpacity: p.isKnown ? 0.95 : 0 , ...(p.isKnown ? {} : { color: colour }) });
      mark.bindTooltip(`<b>${escape(p.name)}</b> ${escape(p.value)}`, { direction: 'top' });
      return mark;
    },
  };
  function escape(text) {
    const box = document.createElement('span');
    box.textContent = text;
    return box.innerHTML;
  }

  // --- ages and the clock ---------------------------------------------------------------------------------------
  const KST = new Intl.DateTimeFormat('ko-KR', { timeZone: 'Asia/Seoul', year: 'numeric', month: '2-digit', day: '2-digit', weekday: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
  const TEXT = { ko: { s: '초 전', m: '분 전', h: '시간 전', d: '일 전' }, en: { s: ' s ago', m: ' min ago', h: ' h ago', d: ' d ago' } };
  function age(seconds, language) {
    const t = TEXT[language] ?? TEXT.ko;
    if (seconds < 100) return Math.max(0, Math.floor(seconds)) + t.s;
    if (seconds < 6000) return Math.floor(seconds / 60) + t.m;
    if (seconds < 172800) return Math.floor(seconds / 3600) + t.h;
    return Math.floor(seconds / 86400) + t.d;
  }
  function write(time, now) {
    if (!time.dateTime) return;
    const seconds = (now - Date.parse(time.dateTime)) / 1000;
    const text = age(seconds, $('#console')?.lang);
    if (time.textContent !== text) time.textContent = text;
    if (time.dataset.stale) time.classList.toggle('is-stale', seconds > Number(time.dataset.stale));
  }
  function tick() {
    const page = $('#console');
    if (!page) return;
    const now = window.gunsan_clock?.now() ?? Date.now(); // ages count from the moment that is shown
    const heard = window.__twin?.live?.heard;
    const linkAge = $('#link-age');
    if (linkAge && heard) linkAge.dateTime = new Date(heard).toISOString();
    for (const time of page.querySelectorAll('time.age[datetime]')) write(time, now);
    const parts = Object.fromEntries(KST.formatToParts(Date.now()).map((p) => [p.type, p.value]));
    const clock = $('#clock');
    if (clock) clock.textContent = `${parts.year}-${parts.month}-${parts.day} ${page.lang === 'ko' ? `(${parts.weekday}) ` : ''}${parts.hour}:${parts.minute}:${parts.second} KST`;
  }
  setInterval(tick, 1000);
  setInterval(() => $('#console .alarm.is-new') && $('#console').classList.toggle('is-dim'), 600);
  new MutationObserver((changes) => {
    if (changes.some(({ target }) => target.matches?.('#alarms, .alarm-items'))) keepChosen(); // rows came or went
    for (const { addedNodes } of changes)
      for (const node of addedNodes) if (node.nodeType === 1) for (const time of node.matches('time.age') ? [node] : node.querySelectorAll('time.age')) write(time, window.gunsan_clock?.now() ?? Date.now());
  }).observe(document.documentElement, { childList: true, subtree: true });

  // --- the flat map has no live connection: ask whether the service still answers ---------------------------------
  async function probe() {
    if (!$('#console.is-2d')) return;
    const state = await fetch('/api/health', { cache: 'no-store' }).then((r) => (r.ok ? 'live' : 'lost'), () => 'lost');
    if (state === probe.state) return;
    probe.state = state;
    window.dash_clientside.set_props('link', { className: `link is-${state}` });
    window.dash_clientside.set_props('notice', { className: state === 'lost' ? 'notice is-lost' : 'notice is-quiet', children: state === 'lost' ? $('#notice').title : '' });
  }
  setInterval(probe, 5000);

  // --- panes, list, help ----------------------------------------------------------------------------------------
  const set = (id, data) => window.dash_clientside.set_props(id, { data });
  function openList(open) {
    const page = $('#console');
    page.classList.toggle('has-list', open);
    set('list-open', open);
  }
  function pane(name) {
    const page = $('#console');
    page.dataset.pane = name;
    openList(name === 'list');
    for (const tab of document.querySelectorAll('.pane-tab')) tab.classList.toggle('is-on', tab.dataset.pane === name);
  }
  const actions = {
    list: () => openList(!$('#console').classList.contains('has-list')),
    help: () => $('#console').classList.toggle('has-help'),
    home: () => set('focus', { lon: 126.713, lat: 35.972, zoom: 0, at: Date.now(), home: true }),
    search: () => $('#search')?.focus(),
    alarms: () => $('#alarms .alarm-go')?.focus(),
    next: () => step(1),
    previous: () => step(-1),
    acknowledge: () => {
      const row = chosenRow();
      if (!row) say('none_chosen');
      else if (Date.now() - chosen.followed < READ_MS) say('followed'); // nobody can have read it
      else row.querySelector('.acknowledge')?.click();
    },
    go: () => {
      const row = chosenRow();
      if (row) row.querySelector('.alarm-go').click();
      else say('none_chosen');
    },
    language: () => $('#language-switch')?.click(),
    shelved: () => $('#console-shelved')?.click(),
    sound: () => window.gunsan_bell.toggle(),
    close() {
      const page = $('#console');
      if (page.classList.contains('has-help')) return page.classList.remove('has-help');
      if ($('#search-results')?.children.length) return closeSearch();
      if (!$('#card-panel')?.hidden) return $('#card-close').click();
      return openList(false);
    },
  };
  function step(by) {
    const all = [...document.querySelectorAll('#alarms .alarm-go')];
    if (!all.length) return;
    const at = all.indexOf(chosenRow()?.querySelector('.alarm-go'));
    const next = all[at < 0 ? 0 : (at + by + all.length) % all.length];
    next.focus();
    next.click();
  }
  // --- the chosen alarm: it keeps the keys while the list is drawn anew, also when another takes its place at the asset ----
  let chosen = null;
  const rows = () => [...document.querySelectorAll('#alarms .alarm')];
  const chosenRow = () => chosen && rows().find((row) => row.dataset.alarm === chosen.alarm);
  function choose(row) {
    chosen = row && { alarm: row.dataset.alarm, asset: row.dataset.asset };
    for (const one of rows()) one.toggleAttribute('data-chosen', one === row);
  }
  function keepChosen() {
    if (!chosen) return;
    const row = chosenRow() ?? rows().find((one) => one.dataset.asset === chosen.asset && one.dataset.asset !== 'None');
    if (row?.dataset.alarm !== chosen.alarm) say(row ? 'followed' : 'gone');
    if (row && chosen.hasFocus && document.activeElement === document.body) row.querySelector('.alarm-go').focus();
    const { hasFocus, followed } = chosen;
    const isOther = row?.dataset.alarm !== chosen.alarm;
    choose(row ?? null);
    if (hasFocus) row?.scrollIntoView({ block: 'nearest' }); // what comes above it does not push it out of view
    if (chosen) Object.assign(chosen, { hasFocus, followed: isOther ? Date.now() : followed });
  }
  function say(word, of = '') {
    const line = $('#alarm-said');
    line.textContent = [line.dataset[word], of].filter(Boolean).join(': ');
    clearTimeout(say.timer);
    say.timer = setTimeout(() => (line.textContent = ''), SAID_MS);
  }
  document.addEventListener('focusin', ({ target }) => {
    const row = target.closest?.('#alarms .alarm');
    if (row) choose(row);
    if (chosen) chosen.hasFocus = Boolean(row);
  });
  document.addEventListener('pointerdown', ({ target }) => {
    if (chosen && !target.closest?.('#alarms')) chosen.hasFocus = false;
  });

  function go({ layer, asset, lon, lat }) {
    const at = lon === undefined ? {} : { lon: Number(lon), lat: Number(lat) };
    if (lon !== undefined) set('focus', { ...at, zoom: 16, at: Date.now() });
    set('selected', asset === undefined ? null : { layer, asset: Number(asset), ...at, at: Date.now() });
  }
  async function post(button) {
    button.disabled = true;
    const row = button.closest('.alarm');
    const which = row ? [row.querySelector('strong'), row.querySelector('.alarm-place')].map((one) => one.textContent).join(' · ') : '';
    const answer = await fetch(`/api/alarms/${button.dataset.acknowledge}/acknowledge`, { method: 'POST' }).catch(() => null);
    if (!answer?.ok) button.disabled = false;
    say(answer?.ok ? 'done' : 'not_done', which);
    set('acknowledged', Date.now());
  }
  /** Search once nobody types for a moment. */
  function find(text) {
    clearTimeout(find.timer);
    find.timer = setTimeout(() => set('search-text', text), text ? TYPED_MS : 0);
  }
  function closeSearch() {
    $('#search').value = '';
    find('');
    window.dash_clientside.set_props('search-results', { children: null });
    document.activeElement?.blur();
  }

  document.addEventListener('input', ({ target }) => target.id === 'search' && find(target.value));
  // Dash puts the caret back to where it was a moment ago: on a busy machine letters typed since would change places
  document.addEventListener('focusin', ({ target }) => target instanceof HTMLInputElement && (target.setSelectionRange = () => {}));
  document.addEventListener('click', ({ target }) => {
    if (!(target instanceof Element) || !$('#console')) return;
    if (target.closest('.close-list')) return openList(false);
    if (target.closest('.toggle-list')) return actions.list();
    if (target.closest('.toggle-help') && !target.closest('[role=dialog]')) return actions.help();
    const tab = target.closest('.pane-tab');
    if (tab) return pane(tab.dataset.pane);
    const acknowledge = target.closest('[data-acknowledge]');
    if (acknowledge) return post(acknowledge);
    const goal = target.closest('[data-goto]');
    if (!goal) return undefined;
    go(goal.dataset);
    if (goal.closest('#search-results')) closeSearch();
    if (window.innerWidth < 900) pane('map');
    return undefined;
  });

  const KEYS = { '/': 'search', '?': 'help', a: 'alarms', l: 'list', j: 'next', k: 'previous', h: 'home', g: 'language', s: 'shelved', v: 'sound', Escape: 'close' };
  document.addEventListener('keydown', (event) => {
    if (!$('#console') || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const { target, key } = event;
    if (target.id === 'search' || target.closest?.('#search-results')) {
      const results = [...document.querySelectorAll('#search-results button')];
      const at = results.indexOf(document.activeElement);
      if (key === 'ArrowDown') results[Math.min(at + 1, results.length - 1)]?.focus();
      else if (key === 'ArrowUp') (results[at - 1] ?? $('#search')).focus();
      else if (key === 'Enter' && target.id === 'search') results[0]?.click();
      else if (key === 'Escape') closeSearch();
      else return;
      event.preventDefault();
      return;
    }
    if (target.matches?.('input:not([type=checkbox]):not([type=radio]), textarea')) return;
    if (key === 'Enter' && (event.shiftKey || target === document.body)) {
      event.preventDefault();
      actions[event.shiftKey ? 'acknowledge' : 'go']();
      return;
    }
    const action = KEYS[key.length === 1 ? key.toLowerCase() : key];
    if (!action) return;
    event.preventDefault();
    actions[action]();
  });
})();
