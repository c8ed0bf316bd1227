// Sharing at the desk: the dialogue that makes a link, the list of shares of an incident, and ending one.
(function () {
  const parts = window.gunsan_desk;
  if (!parts) return;
  const { el, w, language, span } = parts;
  const box = document.getElementById('ask');
  const until = (one) => `${w('share.left')} ${span((Date.parse(one.expires) - Date.now()) / 1000)}`;

  async function call(path, body) {
    const options = body === undefined ? {} : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
    const answer = await fetch(`/api${path}`, { cache: 'no-store', signal: AbortSignal.timeout(20000), ...options });
    const told = await answer.json().catch(() => null);
    if (!answer.ok) throw new Error(told?.error?.what ?? `${answer.status}`);
    return told;
  }
  const field = (name, input) => el('label', {}, w(`share.field_${name}`), input);
  const tick = (name, value, text, more = {}) => el('label', { className: 'tick' }, el('input', { type: 'checkbox', name, value, ...more }), ` ${text}`);

  /** Ask what to share; resolves to what the server wants, or null. */
  function ask(told, incident, facilities) {
    const grounds = el('select', { name: 'ground', required: true }, told.grounds.map((one) => el('option', { value: one.id, selected: one.id === 'imminent_danger' }, w(`ground.${one.id}`))));
    const restricted = told.layers.filter((one) => one.access === 'restricted').map((one) => one.id);
    const layers = el('fieldset', {}, el('legend', {}, w('share.field_layers')), told.layers.map((one) => tick('layers', one.id, one.title[language] + (one.access === 'restricted' ? ` (${w('share.restricted')})` : ''), { checked: one.is_usual })));
    const name = (one) => (language === 'en' && (one.name_en || one.title_en)) || one.name_ko || one.title_ko;
    const cameras = el('fieldset', {}, el('legend', {}, w('share.field_cameras')), told.cameras.map((one) => tick('cameras', one.asset, name(one))));
    const area = el('select', { name: 'area' }, told.areas.map((one, n) => el('option', { value: n, selected: one.is_usual }, w(`share.area_${one.id}`))));
    const said = el('p', { className: 'late', role: 'alert' });
    const form = el('form', { className: 'share-form' }, el('h2', {}, w('share.dialog')), el('p', { className: 'faint' }, `${w('desk.case')} #${incident.id} · ${name(incident)}`),
      field('agency', el('input', { name: 'agency', required: true, maxLength: 120, list: 'known' })), el('datalist', { id: 'known' }, facilities.map((one) => el('option', { value: name(one) }))), field('purpose', el('input', { name: 'purpose', required: true, maxLength: 300 })), field('ground', grounds),
      field('contact', el('input', { name: 'contact', maxLength: 120 })), field('area', area), layers, told.cameras.length ? [cameras, tick('is_masked', '1', w('share.field_masked'), { checked: true })] : null,
      field('hours', el('select', { name: 'hours' }, [1, 4, 12, 24].map((n) => el('option', { value: n, selected: n === 4 }, w(`share.hours_${n}`))))), field('pin', el('input', { name: 'pin', inputMode: 'numeric', pattern: '[0-9]{4,8}', maxLength: 8, autocomplete: 'off' })),
      said, el('div', { className: 'verbs' }, el('button', { type: 'submit', className: 'is-main' }, w('share.make')), el('button', { type: 'button', onclick: () => box.close('') }, w('desk.leave'))));
    const narrow = () => {
      const opens = told.grounds.find((one) => one.id === grounds.value).opens_restricted;
      for (const input of form.querySelectorAll('[name=layers], [name=cameras]')) {
        input.disabled = !opens && (input.name === 'cameras' || restricted.includes(input.value));
        if (input.disabled) input.checked = false;
      }
    };
    grounds.addEventListener('change', narrow);
    narrow();
    return { form, said };
  }
  async function share(incident, facilities) {
    const told = await call(`/incidents/${incident.id}/shares`);
    const { form, said } = ask(told, incident, facilities);
    box.onclose = null;
    box.replaceChildren(form);
    box.showModal();
    form.querySelector('input').focus();
    await new Promise((resolve) => {
      box.onclose = resolve;
      form.addEventListener('submit', async (event) => {
        event.preventDefault();
        const given = new FormData(form);
        const body = { agency: given.get('agency'), purpose: given.get('purpose'), ground: given.get('ground'), contact: given.get('contact'), area: told.areas[given.get('area')].area, layers: given.getAll('layers'), cameras: given.getAll('cameras').map(Number), is_masked: given.has('is_masked'), hours: Number(given.get('hours')), pin: given.get('pin') };
        try {
          show(await call(`/incidents/${incident.id}/shares`, body));
        } catch (error) {
          said.textContent = error.message;
        }
      });
    });
  }
  /** Show the link once, with its QR code. */
  function show(made) {
    const address = el('input', { value: made.url, readOnly: true, id: 'share-url', 'aria-label': w('share.title') });
    const copy = el('button', { type: 'button', onclick: async () => {
      address.select();
      await navigator.clipboard?.writeText(made.url).catch(() => {});
      copy.textContent = w('share.copied');
    } }, w('share.copy'));
    const close = el('button', { type: 'button', onclick: () => box.close('') }, w('share.close'));
    box.replaceChildren(el('div', { className: 'share-made' }, el('h2', {}, made.share.agency), el('p', {}, w('share.made')), el('img', { src: made.qr, alt: 'QR' }), address, el('div', { className: 'verbs' }, copy, close)));
    address.focus();
    address.select();
  }
  const revoke = (id) => call(`/shares/${id}/revoke`, {});

  /** The list of shares of an incident, as a section of its page. */
  function list(shares, incident) {
    const rows = shares.map((one) => {
      const isLive = one.state === 'live';
      const use = one.opened ? `${w('share.times_opened').replace('{n}', one.opened)} · ${w('share.last')} ${parts.at(one.last_seen)}${one.seen ? ` · ✓ ${w('share.was_seen')}` : ''}` : w('share.not_opened');
      return el('li', { className: `share is-${one.state}` }, el('b', {}, one.agency), el('span', {}, use), el('span', { className: 'state' }, isLive ? until(one) : w(`share.state_${one.state}`)),
        isLive ? el('button', { type: 'button', 'data-do': 'revoke', 'data-share': one.id }, w('share.revoke')) : null);
    });
    return el('section', {}, el('h3', {}, w('share.shares')), rows.length ? el('ol', { className: 'shares' }, rows) : el('p', { className: 'faint' }, w('share.none')),
      rows.length ? el('p', { className: 'verbs' }, ['csv', 'pdf'].map((kind) => el('button', { type: 'button', 'data-do': 'register', 'data-kind': kind }, `${w('share.register')} ${kind.toUpperCase()}`))) : null);
  }
  window.gunsan_desk_share = { share, revoke, list };
})();
