// The operators' budget as a gauge: what was announced in ten minutes against what one can deal with, and the last day as
// bars. On the console also what is put aside, one click away.
(function () {
  const POLL_MS = 5000;
  const $ = (query) => document.querySelector(query);
  const gauge = (window.gunsan_gauge = { draw });
  /** Draw a budget as `/api/alarms/budget` tells it. */
  function draw(box, { now, budget, windows }) {
    if (!box) return;
    const most = Math.max(budget, ...windows);
    const bars = windows.slice(-36).map((n) => `<i style="height:${Math.max(4, Math.round((n / most) * 100))}%"${n > budget ? ' class="is-over"' : ''}></i>`);
    const text = `${now} / ${budget}`;
    if (box.dataset.told === text + windows) return;
    box.dataset.told = text + windows;
    box.innerHTML = `<b></b><span class="gauge-bars" aria-hidden="true">${bars.join('')}</span>`;
    box.firstElementChild.textContent = text;
    box.classList.toggle('is-over', now > budget);
  }
  const json = async (path) => {
    const answer = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  };
  async function follow() {
    try {
      const [budget, shelved, out] = await Promise.all([json('/api/alarms/budget'), json('/api/alarms?state=SHLVD'), json('/api/maintenance')]);
      draw($('#console-budget'), budget);
      const n = shelved.alarms.length + out.maintenance.length;
      const link = $('#console-shelved b');
      if (link && link.textContent !== String(n)) link.textContent = n;
      gauge.loads = (gauge.loads ?? 0) + 1;
    } catch (error) {
      console.warn(String(error)); // the head of the screen says when the service is away
    }
    setTimeout(follow, POLL_MS);
  }
  /** The console hears alarms for its bell by a line of its own: the flat map has none. */
  function listen(tries = 0) {
    const socket = new WebSocket(`${window.location.protocol === 'https:' ? 'wss' : 'ws'}://${window.location.host}/ws/live`);
    let count = tries;
    socket.onopen = () => {
      count = 0;
      socket.send(JSON.stringify({ type: 'subscribe', layers: [], bbox: [126.3, 35.8, 127, 36.1] }));
    };
    socket.onmessage = ({ data }) => {
      if (typeof data !== 'string') return;
      const told = JSON.parse(data);
      if (told.type === 'event') window.gunsan_bell.hear(told);
    };
    socket.onclose = ({ code }) => {
      if (code === 4401) window.location.reload(); // the session has ended
      else setTimeout(() => listen(count + 1), Math.min(500 * 2 ** count, 15000));
    };
  }
  if ($('#desk')) return;
  const waits = setInterval(() => {
    if (!$('#console-budget')) return;
    clearInterval(waits);
    follow();
    listen();
  }, 300);
})();
