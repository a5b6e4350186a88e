// What is wrong with the layout of a page in a frame `width` wide: a list of sentences.
function faults(page, width) {
    const found = [];
    const say = (what, text) => found.push(width + ' px: ' + what + ': "' + text.trim().slice(0, 60) + '"');
    const shown = element => element.getClientRects().length > 0 && !element.closest('thead') && !element.closest('[aria-hidden]');

    for (const details of page.querySelectorAll('details'))
        details.open = true;
    if (page.documentElement.scrollWidth > width)
        found.push(width + ' px: the page is ' + page.documentElement.scrollWidth + ' px wide and scrolls sideways');
    for (const element of page.body.querySelectorAll('*')) {
        const box = element.getBoundingClientRect();
        if (shown(element) && (box.right > width + 1 || box.left < -1 || (element.clientWidth > 0 && !element.closest('svg') && element.scrollWidth > element.clientWidth + 1)))
            say('clipped, or beyond the edge', element.tagName + ' ' + element.textContent);
    }
    // A word is what stands between places where lines may break; its letters are on one line.
    const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (!shown(node.parentElement) || node.parentElement.closest('svg'))
            continue;
        for (const word of node.data.matchAll(/[^\s\-\/]+/g)) {
            const range = page.createRange();
            range.setStart(node, word.index);
            range.setEnd(node, word.index + word[0].length);
            const rows = new Set([...range.getClientRects()].filter(box => box.width > 0).map(box => Math.round(box.top)));
            if (rows.size > 1)
                say('a word is broken', word[0]);
        }
    }
    for (const cell of page.querySelectorAll('td')) {
        const lines = cell.getBoundingClientRect().height / parseFloat(page.defaultView.getComputedStyle(cell).lineHeight);
        if (shown(cell) && lines > 7)
            say('a cell has ' + Math.round(lines) + ' lines', cell.textContent);
    }
    for (const plot of page.querySelectorAll('svg.plot')) {
        const texts = [...plot.querySelectorAll('text')].map(text => [text, text.getBBox()]);
        for (const [text, box] of texts)
            if (box.x < -0.5 || box.x + box.width > plot.viewBox.baseVal.width + 0.5)
                say('a text leaves its plot', text.textContent);
        for (const line of plot.querySelectorAll('path[stroke-dasharray]')) {
            const at = line.getBBox();
            for (const [text, box] of texts)
                if (at.x > box.x && at.x < box.x + box.width && at.y < box.y + box.height && at.y + at.height > box.y)
                    say('the ceiling crosses a text', text.textContent);
        }
    }
    return found;
}
