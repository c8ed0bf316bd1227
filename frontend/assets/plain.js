// What the plain pages share: the figures in step with the bulletin or with the page's clock, ages, large type.
(function () {
  const POLL_MS = 5000;
  const { dataset } = document.documentElement;
  const language = document.documentElement.lang || 'ko';
  const page = (window.gunsan_plain = { told: null, listeners: [], language });
  const TEXT = { ko: ['초 전', '분 전', '시간 전', '일 전'], en: [' s ago', ' min ago', ' h ago', ' d ago'] }[language];
  const now = () => window.gunsan_clock?.now() ?? Date.now();

  function age(seconds) {
    if (seconds < 100) return Math.max(0, Math.floor(seconds)) + TEXT[0];
    if (seconds < 6000) return Math.floor(seconds / 60) + TEXT[1];
    if (seconds < 172800) return Math.floor(seconds / 3600) + TEXT[2];
    return Math.floor(seconds / 86400) + TEXT[3];
  }
  function tick() {
    for (const time of document.querySelectorAll('time.age[datetime]')) {
      const seconds = (now() - Date.parse(time.dateTime)) / 1000;
      const text = age(seconds);
      if (time.textContent !== text) time.textContent = text;
      if (time.dataset.stale) time.classList.toggle('is-stale', seconds > Number(time.dataset.stale));
    }
    const clock = document.getElementById('clock');
    if (clock) clock.textContent = new Date().toLocaleTimeString('sv-SE', { timeZone: 'Asia/Seoul' });
  }
  page.age = age;

  /** Write a bulletin into the page: every number bears the id of its figure, and of its district. */
  function write(told) {
    page.told = told;
    const byId = new Map(told.figures.map((figure) => [figure.id, figure]));
    for (const element of document.querySelectorAll('[data-figure]')) {
      const figure = byId.get(element.dataset.figure);
      const { district } = element.dataset;
      const part = district === undefined ? figure : figure?.districts[district];
      const text = part?.text ?? '–';
      if (element.textContent !== text) element.textContent = text;
    }
    for (const element of document.querySelectorAll('[data-figure-at] time')) {
      const at = byId.get(element.parentElement.dataset.figureAt)?.at;
      element.hidden = !at; // no value has no age
      if (at) element.dateTime = new Date(at * 1000).toISOString();
    }
    const version = document.getElementById('version');
    if (version) {
      version.textContent = told.version ?? '–';
      const time = version.parentElement.querySelector('time');
      if (time) time.dateTime = new Date(told.at * 1000).toISOString();
    }
    dataset.link = 'live';
    dataset.known = told.figures.some((figure) => figure.value !== null) ? 'some' : 'none';
    page.listeners.forEach((hear) => hear(told));
    tick();
  }

  async function ask() {
    const query = window.gunsan_clock?.query ?? '';
    try {
      const answer = await fetch(`/api/figures?${query}`, { cache: 'no-store', signal: AbortSignal.timeout(15000) });
      if (!answer.ok) throw new Error(`figures: ${answer.status}`);
      const told = await answer.json();
      if (query === (window.gunsan_clock?.query ?? '')) write(told);
    } catch (error) {
      console.warn(String(error));
      dataset.link = 'lost'; // the numbers stay, their age grows, and the page says so
    }
  }
  async function follow() {
    await ask();
    setTimeout(follow, POLL_MS);
  }

  let wish = null;
  window.addEventListener('gunsan-moment', () => {
    clearTimeout(wish);
    wish = setTimeout(ask, 150);
  });
  document.addEventListener('click', ({ target }) => {
    if (!target.closest?.('.toggle-large')) return;
    const isLarge = document.documentElement.classList.toggle('is-large');
    localStorage.setItem('gunsan-large', isLarge ? '1' : '');
    target.closest('.toggle-large').setAttribute('aria-pressed', isLarge);
  });
  if (localStorage.getItem('gunsan-large')) {
    document.documentElement.classList.add('is-large');
    document.querySelector('.toggle-large')?.setAttribute('aria-pressed', true);
  }
  page.ask = ask;
  setInterval(tick, 1000);
  tick();
  if (document.querySelector('[data-figure], [data-follow]')) follow();
})();
