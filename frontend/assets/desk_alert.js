// Public alerts (CAP 1.2) at the desk: the list, one message, and the form in which a draft is written. Two people let it out.
(function () {
  const parts = window.gunsan_desk;
  const root = document.querySelector('#desk');
  if (!parts || !root) return;
  const { el, w, language, at, until, section } = parts;
  const WORDS = JSON.parse(root.dataset.cap); // name -> the words that CAP takes
  const TEXTS = ['event', 'headline', 'description', 'instruction', 'area'];
  const RADII = [100, 200, 300, 500, 1000, 2000, 5000];
  const word = (name, value) => w(`cap.${name}_${value}`);
  const pick = (texts) => texts?.[language] || texts?.ko || '';
  const local = (time) => new Date(Date.parse(time) + 9 * 3600e3).toISOString().slice(0, 16); // KST, as the form writes it
  const utc = (text) => new Date(`${text}:00+09:00`).toISOString();
  const isOver = (one) => Date.parse(one.expires) <= Date.now();

  /** Say where a message stands, in one word. */
  const stand = (one) => (one.superseded_by ? 'superseded' : one.state === 'withdrawn' ? 'withdrawn' : isOver(one) ? 'over' : one.state);
  const isActive = (one) => stand(one) === 'issued' && one.content.msg_type !== 'Cancel';

  function row(one, isChosen) {
    const { content } = one;
    const is = stand(one);
    return el('li', { className: `row ${['draft', 'approved'].includes(is) ? 'is-waiting' : isActive(one) ? 'is-active' : 'is-past'} ${isChosen ? 'is-chosen' : ''}` },
      el('button', { type: 'button', 'data-alert': one.identifier },
        el('span', { className: 'row-head' }, el('b', { className: 'state' }, w(`cap.is_${is}`)), content.status === 'Actual' ? null : el('b', { className: 'late' }, word('status', content.status)), el('time', { className: 'age', dateTime: one.issued ?? one.drafted, title: at(one.issued ?? one.drafted) })),
        el('strong', {}, pick(content.headline)),
        el('span', { className: 'row-facts' }, [word('type', content.msg_type), pick(content.area), until(content.expires)].filter(Boolean).join(' · ')),
        one.overlaps.length ? el('span', { className: 'late' }, `⚠ ${w('cap.overlap')} ${one.overlaps.length}`) : null));
  }

  /** One message in full, with what can be done to it. */
  function detail(one, active) {
    const { content } = one;
    const is = stand(one);
    const isOpen = ['draft', 'approved'].includes(is);
    const verb = (name, key) => el('button', { type: 'button', 'data-do': name, 'data-alert': one.identifier }, el('kbd', {}, key), ' ', w(`desk.${name}`));
    const others = active.filter((other) => other.identifier !== one.identifier);
    return [
      el('header', { className: 'case' },
        el('div', { className: 'row-head' }, el('b', {}, w(`cap.is_${is}`)), el('span', {}, word('status', content.status)), el('span', {}, word('type', content.msg_type)), el('span', { className: 'faint' }, one.identifier)),
        el('h2', {}, pick(content.headline)),
        el('div', { className: 'verbs' }, isOpen && verb('approve', 'A'), isOpen && verb('withdraw', 'W'), isActive(one) && verb('update', 'U'), isActive(one) && verb('cancel', 'C'), el('a', { href: `/api/alerts/${one.identifier}.xml`, target: '_blank', rel: 'noopener', download: `${one.identifier}.xml` }, 'CAP XML'), one.incident_id ? el('button', { type: 'button', 'data-incident': one.incident_id }, `${w('desk.case')} #${one.incident_id}`) : null)),
      el('ol', { className: 'ledger' }, [['drafted', one.drafted_by, one.drafted], ['approved_1', one.approved_by], ['approved_2', one.issued_by, one.issued], ['over', '', content.expires]].map(([name, by, time]) => el('li', { className: by || time ? 'is-set' : '' }, el('span', {}, w(`cap.${name}`)), el('b', {}, [by, time && at(time)].filter(Boolean).join(' · ') || '–')))),
      isOpen && one.state === 'approved' ? el('p', { className: 'hint' }, w('cap.second')) : null,
      isActive(one) || (is === 'issued' && content.msg_type === 'Cancel') ? el('p', { className: 'hint' }, w('cap.hand_over')) : null,
      content.withdrawn ? el('p', { className: 'hint' }, `${w('cap.is_withdrawn')} · ${content.withdrawn}`) : null,
      one.superseded_by ? el('p', { className: 'hint' }, `${w('cap.is_superseded')} → ${one.superseded_by}`) : null,
      one.overlaps.length ? el('p', { className: 'hint is-warning' }, `⚠ ${w('cap.overlap')}: `, one.overlaps.map((other) => el('button', { type: 'button', 'data-alert': other.identifier }, `${pick(other.headline)} · ${until(other.expires)}`))) : null,
      el('div', { className: 'columns' },
        el('div', {}, ['ko', 'en'].map((tongue) => section(word('in', tongue), el('dl', { className: 'facts', lang: tongue }, TEXTS.map((name) => [el('dt', {}, w(`cap.${name}`)), el('dd', {}, content[name]?.[tongue] ?? '–')]))))),
        el('div', {}, section(w('cap.ground'), el('div', { className: 'still', 'data-alert-map': one.identifier })),
          section(w('cap.facts'), el('dl', { className: 'facts' }, ['category', 'response', 'urgency', 'severity', 'certainty', 'scope'].map((name) => [el('dt', {}, w(`cap.${name}`)), el('dd', {}, word(name, content[name]))]), el('dt', {}, w('cap.onset')), el('dd', {}, at(content.onset)), el('dt', {}, w('cap.expires')), el('dd', {}, at(content.expires)), content.geocode ? [el('dt', {}, w('cap.geocode')), el('dd', {}, content.geocode)] : null)))),
      { draw: () => ground(document.querySelector('[data-alert-map]'), content.polygon, others) },
    ];
  }
  /** Draw the ground of a message, of the active ones, and the place of the incident. */
  function ground(box, polygon, active, place, onPick) {
    if (!box) return;
    const marks = place && place.lon !== null ? [{ ...place, kind: 'place' }] : [];
    const near = active.filter((one) => one.content.polygon?.length).map((one) => ({ points: one.content.polygon, kind: 'active' }));
    const own = polygon?.length ? [{ points: polygon, kind: 'alert' }] : [];
    window.gunsan_still.draw(box, { shapes: [...(own.length ? [] : near), ...own], marks, onPick, most: 16 });
    if (own.length && near.length) window.gunsan_still.draw(box, { shapes: [...near, ...own], marks, onPick, most: 16 });
  }

  /**
   * The form. given: {content, incident, replaces, place, district}; onSend(content) posts it; resolves by itself.
   */
  function form(given, active, onSend) {
    const { content } = given;
    let polygon = content.polygon ?? [];
    let isDrawing = false;
    const choice = (name, values = WORDS[name]) => el('label', {}, w(`cap.${name}`), el('select', { name }, values.map((value) => el('option', { value, selected: value === content[name] }, word(name, value)))));
    const texts = TEXTS.map((name) => el('fieldset', { className: 'pair' }, el('legend', {}, w(`cap.${name}`)), ['ko', 'en'].map((tongue) => {
      const facts = { name: `${name}.${tongue}`, lang: tongue, required: name !== 'description', 'aria-label': `${w(`cap.${name}`)} ${word('in', tongue)}`, placeholder: word('in', tongue) };
      const value = content[name]?.[tongue] ?? '';
      return ['description', 'instruction'].includes(name) ? el('textarea', { ...facts, rows: 2, maxLength: 2000, value }) : el('input', { ...facts, maxLength: 300, value });
    })));
    const map = el('div', { className: 'still' });
    const corners = el('textarea', { name: 'corners', rows: 2, spellcheck: false, 'aria-label': w('cap.corners') });
    const radius = el('select', { name: 'radius', 'aria-label': w('cap.radius') }, el('option', { value: '' }, '–'), RADII.map((metres) => el('option', { value: metres }, `${w('cap.radius')} ${metres < 1000 ? `${metres} m` : `${metres / 1000} km`}`)));
    const drawn = el('button', { type: 'button', 'aria-pressed': 'false' }, w('cap.draw'));
    const district = given.district ? el('button', { type: 'button' }, w('cap.district')) : null;
    const said = el('p', { className: 'hint is-warning', role: 'status' });
    const write = () => {
      corners.value = polygon.map(([lon, lat]) => `${lat.toFixed(5)},${lon.toFixed(5)}`).join(' ');
      show();
    };
    const show = () => {
      const shape = isDrawing && polygon.length > 2 ? [...polygon, polygon[0]] : polygon;
      ground(map, shape, active, given.place, isDrawing ? (lon, lat) => {
        polygon.push([Number(lon.toFixed(5)), Number(lat.toFixed(5))]);
        write();
      } : undefined);
    };
    const stop = () => {
      if (isDrawing && polygon.length > 2) polygon = [...polygon, polygon[0]];
      isDrawing = false;
      drawn.setAttribute('aria-pressed', 'false');
      drawn.textContent = w('cap.draw');
    };
    radius.onchange = () => {
      stop();
      if (radius.value) polygon = window.gunsan_still.ring(given.place.lon, given.place.lat, Number(radius.value));
      write();
    };
    if (district) district.onclick = () => {
      stop();
      radius.value = '';
      polygon = given.district;
      write();
    };
    drawn.onclick = () => {
      if (isDrawing) stop();
      else {
        isDrawing = true;
        radius.value = '';
        polygon = [];
        drawn.setAttribute('aria-pressed', 'true');
        drawn.textContent = w('cap.drawn');
      }
      write();
    };
    corners.onchange = () => {
      stop();
      polygon = corners.value.trim().split(/\s+/).filter(Boolean).map((pair) => pair.split(',').map(Number).reverse());
      if (polygon.length > 2 && String(polygon[0]) !== String(polygon.at(-1))) polygon.push(polygon[0]);
      show();
    };
    const made = el('form', { className: 'alert-form', autocomplete: 'off' },
      el('header', { className: 'case' }, el('div', { className: 'row-head' }, el('b', {}, word('type', content.msg_type)), el('b', { className: content.status === 'Actual' ? '' : 'late' }, word('status', content.status)), given.replaces ? el('span', { className: 'faint' }, `${w('cap.replaces')} ${given.replaces}`) : null),
        el('h2', {}, given.incident ? `${w('cap.write')} · ${w('desk.case')} #${given.incident}` : w('cap.write')), el('p', { className: 'faint' }, w('cap.promise'))),
      el('div', { className: 'columns' },
        el('div', {}, texts),
        el('div', {},
          el('div', { className: 'verbs' }, given.place ? radius : null, district, drawn), map, el('label', {}, w('cap.corners'), corners),
          el('div', { className: 'grid' }, given.canChooseStatus ? choice('status', ['Actual', 'Test', 'Exercise']) : null, ['category', 'response', 'urgency', 'severity', 'certainty', 'scope'].map((name) => choice(name)),
            el('label', {}, `${w('cap.onset')} (KST)`, el('input', { type: 'datetime-local', name: 'onset', value: content.onset ? local(content.onset) : '' })), el('label', {}, `${w('cap.expires')} (KST)`, el('input', { type: 'datetime-local', name: 'expires', required: true, value: local(content.expires) })),
            el('label', {}, w('cap.geocode'), el('input', { name: 'geocode', maxLength: 40, value: content.geocode ?? '' }))), said,
          el('div', { className: 'verbs' }, el('button', { type: 'submit', className: 'is-main' }, w('cap.save')), el('button', { type: 'button', 'data-do': 'leave_form' }, w('desk.leave'))))));
    made.onsubmit = async (event) => {
      event.preventDefault();
      stop();
      const values = Object.fromEntries(new FormData(made));
      const both = (name) => ({ ko: values[`${name}.ko`].trim(), en: values[`${name}.en`].trim() });
      const description = both('description');
      const body = { ...content, polygon, geocode: values.geocode.trim() || null, onset: values.onset ? utc(values.onset) : null, expires: utc(values.expires) };
      for (const name of ['status', 'category', 'response', 'urgency', 'severity', 'certainty', 'scope']) if (values[name]) body[name] = values[name];
      for (const name of TEXTS) body[name] = both(name);
      body.description = description.ko && description.en ? description : null;
      said.textContent = '';
      try {
        await onSend({ content: body, incident: given.incident ?? null, replaces: given.replaces ?? null });
      } catch (error) {
        said.textContent = parts.plainly(error.message);
      }
    };
    return [made, { draw: () => {
      if (!polygon.length && given.place && given.radius) {
        polygon = window.gunsan_still.ring(given.place.lon, given.place.lat, given.radius);
        radius.value = String(given.radius);
      }
      write();
      made.querySelector('input').focus();
    } }];
  }
  const CONTENT = ['status', 'msg_type', 'scope', 'category', 'response', 'urgency', 'severity', 'certainty', ...TEXTS, 'onset', 'expires', 'polygon', 'geocode'];
  const only = (content) => Object.fromEntries(CONTENT.filter((name) => content[name] !== undefined).map((name) => [name, content[name]]));

  /** Begin with what the playbook of an incident says. */
  const begin = (told, incident) => ({
    content: { scope: 'Public', msg_type: 'Alert', ...only(told) }, incident, radius: told.radius_m, district: told.district, canChooseStatus: told.status === 'Actual',
    place: told.lon === null ? null : { lon: told.lon, lat: told.lat },
  });
  /** Begin with a message that is out, to update or to cancel it. */
  function follow(one, type) {
    const content = { ...only(one.content), msg_type: type, onset: null };
    if (type === 'Cancel') Object.assign(content, { urgency: 'Past', response: 'AllClear', headline: { ko: `[해제] ${one.content.headline.ko}`, en: `[Cancelled] ${one.content.headline.en}` }, instruction: { ko: '위험이 끝났습니다. 통제를 따라 일상으로 돌아가세요.', en: 'The danger is over. Follow the officers on site.' } });
    return { content, incident: one.incident_id, replaces: one.identifier, place: null };
  }
  parts.alerts = { row, detail, form, begin, follow, isActive, stand };
})();
