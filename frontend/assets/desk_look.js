// Pictures of the cameras of an incident: asked for with purpose and ground, at most four, gone when they are closed.
(function () {
  const parts = window.gunsan_desk;
  const box = document.getElementById('look');
  if (!parts || !box) return;
  const { el, w, language } = parts;
  const GROUNDS = ['within_purpose', 'imminent_danger', 'statute', 'investigation', 'court', 'public_safety'];
  let socket = null;
  let tiles = new Map(); // asset -> {image, time, said, url}

  function close() {
    const old = socket;
    socket = null;
    old?.close();
    for (const { url } of tiles.values()) URL.revokeObjectURL(url);
    tiles = new Map();
    box.replaceChildren();
    box.hidden = true;
    look.incident = undefined;
  }
  /** Open the pictures of an incident for a purpose, or close them. ask(verb, fields) resolves to what was typed, or null. */
  async function toggle(incident, ask) {
    if (look.incident !== undefined) return close();
    const given = await ask('look', [{ name: 'purpose', value: (language === 'en' && incident.title_en) || incident.title_ko }, { name: 'ground', value: 'within_purpose', options: GROUNDS.map((one) => [one, w(`ground.${one}`)]) }]);
    if (!given) return;
    look.incident = incident.id;
    box.hidden = false;
    box.replaceChildren(el('p', {}, w('desk.waiting_picture')));
    const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
    const mine = (socket = new WebSocket(`${scheme}://${window.location.host}/ws/cameras?incident=${incident.id}&purpose=${encodeURIComponent(given.purpose)}&ground=${given.ground}`));
    mine.binaryType = 'arraybuffer';
    mine.onmessage = ({ data }) => mine === socket && (typeof data === 'string' ? begin(JSON.parse(data)) : draw(data));
    mine.onclose = ({ reason }) => mine === socket && box.replaceChildren(el('p', { role: 'status' }, `${w('desk.no_picture')} ${reason ? parts.plainly(reason) : ''}`), shut());
  }
  const shut = () => el('button', { type: 'button', onclick: close }, el('kbd', {}, 'I'), ' ', w('desk.leave'));
  function begin(told) {
    tiles = new Map(told.cameras.map((one) => [one.asset, { image: el('img', { alt: '', hidden: true }), time: el('time', { className: 'age' }), said: el('span', {}, w(told.source === 'not_connected' ? 'desk.not_connected' : 'desk.waiting_picture')) }]));
    const figures = told.cameras.map((one) => {
      const { image, time, said } = tiles.get(one.asset);
      const name = (language === 'en' && one.name_en) || one.name_ko;
      image.alt = name;
      return el('figure', {}, el('div', {}, image, said), el('figcaption', {}, `${name} · ${one.distance_m} m`, time));
    });
    box.replaceChildren(...(figures.length ? figures : [el('p', {}, w('desk.no_cameras'))]), shut());
  }
  function draw(data) {
    const length = new DataView(data).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    const tile = tiles.get(head.asset);
    if (!tile) return;
    URL.revokeObjectURL(tile.url);
    tile.url = URL.createObjectURL(new Blob([new Uint8Array(data, 4 + length)], { type: 'image/jpeg' }));
    Object.assign(tile.image, { src: tile.url, hidden: false });
    tile.said.textContent = '';
    tile.time.dateTime = head.at;
    look.pictures += 1;
  }
  const look = (window.gunsan_desk_look = { toggle, close, incident: undefined, pictures: 0 });
})();
