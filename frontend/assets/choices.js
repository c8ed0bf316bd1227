// Dash writes its check boxes and radio buttons as a listbox whose options hold inputs: a screen reader hears both, and
// axe calls it wrong. Here they are what they look like: a group, named by its heading, of labelled inputs. And the hidden
// input in a dropdown, which only the browser's own check of forms would need, is no stop on the way of the tab key.
(function () {
  let last = 0;

  function mend(list) {
    const isOne = list.querySelectorAll('input').length < 2;
    list.removeAttribute('aria-multiselectable');
    if (isOne) list.removeAttribute('role');
    else list.setAttribute('role', list.querySelector('input[type=radio]') ? 'radiogroup' : 'group');
    const heading = list.closest('.field')?.querySelector('h3');
    if (!isOne && heading && !list.hasAttribute('aria-label')) {
      heading.id ||= `choices-${(last += 1)}`;
      list.setAttribute('aria-labelledby', heading.id);
    } else if (!isOne && !list.hasAttribute('aria-labelledby') && !list.hasAttribute('aria-label')) {
      list.setAttribute('aria-label', list.closest('[aria-label]')?.getAttribute('aria-label') ?? '');
    }
    for (const label of list.querySelectorAll('[role=option], [aria-selected]')) {
      label.removeAttribute('role');
      label.removeAttribute('aria-selected');
    }
  }

  const LIST = '.dash-checklist, .dash-radioitems'; // the list of a dropdown is a listbox
  const HIDDEN = 'input[aria-hidden=true]:not([tabindex="-1"])';
  const look = () => {
    document.querySelectorAll(LIST).forEach(mend);
    for (const input of document.querySelectorAll(HIDDEN)) input.tabIndex = -1;
  };
  new MutationObserver((changes) => {
    for (const { target, addedNodes, type } of changes) {
      if (type === 'attributes') {
        const list = target.closest(LIST);
        if (list && (target.getAttribute('role') === 'option' || target.getAttribute('role') === 'listbox' || target.hasAttribute('aria-selected'))) mend(list);
      }
      for (const node of addedNodes) if (node.nodeType === 1 && (node.closest(LIST) ?? node.querySelector(`${LIST}, ${HIDDEN}`))) look();
    }
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ['role', 'aria-selected'] });
})();
