# SPDX-License-Identifier: Apache-2.0
# bench/lib/chart.py: lines over a logarithmic axis, as SVG.
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 400, 70, 110, 50, 50
COLOURS = ["#1f5fa8", "#b3541e", "#3b7d3b", "#7a3b7d"]


def save(path, title, unit, lines):
    """lines: (name, [(x, y)...])."""
    xs = [x for _, points in lines for x, _ in points]
    most = max(y for _, points in lines for _, y in points) * 1.15
    low, high = math.log10(min(xs)), math.log10(max(xs))

    def at(x, y):
        return (LEFT + (math.log10(x) - low) / max(high - low, 1e-9) * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - y / most * (HEIGHT - TOP - BOTTOM))

    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">' %
           (WIDTH, HEIGHT), '<rect width="100%" height="100%" fill="white"/>',
           '<text x="%d" y="25" font-size="16">%s</text>' % (LEFT, title)]
    step = 10 ** math.floor(math.log10(most / 3))
    step *= max(1, round(most / step / 5))
    value = 0
    while value <= most:
        _, y = at(min(xs), value)
        out.append('<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>' %
                   (LEFT, y, WIDTH - RIGHT, LEFT - 8, y + 4, value))
        value += step
    for x in sorted(set(xs)):
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (at(x, 0)[0], HEIGHT - BOTTOM + 20, f"{x:,}"))
    out.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (LEFT - 8, TOP - 8, unit))
    for i, (name, points) in enumerate(lines):
        places = [at(x, y) for x, y in points]
        out.append('<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>' %
                   (COLOURS[i], " ".join("%.1f,%.1f" % p for p in places)))
        out += ['<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>' % (*p, COLOURS[i]) for p in places]
        out.append('<text x="%.1f" y="%.1f" fill="%s">%s</text>' % (places[-1][0] + 10, places[-1][1] + 4, COLOURS[i], name))
    with open(path, "w") as f:
        f.write("\n".join(out) + "\n</svg>\n")
