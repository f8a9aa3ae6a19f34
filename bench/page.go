package main

import (
	"bytes"
	"fmt"
	"html/template"

	"github.com/c10m/c10m/internal/plot"
)

// page is one self-contained HTML file.
var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>c10m: side by side</title>
<style>
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}
th,td{border:1px solid #8886;padding:.2rem .5rem;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
td:last-child{text-align:left;white-space:normal;min-width:12rem}
figure{margin:1rem 0;max-width:48rem}
figcaption{font-weight:600}
{{.CSS}}</style>
<h1>Side by side</h1>
<p>{{.Conditions}}</p>
{{range .Sections}}<h2>{{.Title}}</h2>
{{range .Plots}}<figure><figcaption>{{.Title}}</figcaption>{{.SVG}}</figure>
{{end}}<div class="scroll" role="region" tabindex="0" aria-label="{{.Title}}"><table>
<tr>{{range .Head}}<th scope="col">{{.}}</th>{{end}}</tr>
{{range .Rows}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}</table></div>
{{with .Notes}}<ul>{{range .}}<li>{{.}}.</li>{{end}}</ul>{{end}}
{{end}}</html>
`))

type section struct {
	Title string
	Head  []string
	Rows  [][]string
	Notes []string
	Plots []figure
}

type figure struct {
	Title string
	SVG   template.HTML // package plot escapes what it draws
}

// html is the comparison as a page.
func html(c *Comparison) ([]byte, error) {
	figures := map[string][]figure{}
	for _, d := range drawings(c) {
		var of string
		if _, err := fmt.Sscanf(d.name, "compare-%s", &of); err != nil {
			return nil, fmt.Errorf("write page: plot %q: %w", d.name, err)
		}
		for _, key := range []string{"tcp", "ws", "clients"} {
			if len(of) > len(key) && of[:len(key)] == key {
				figures[key] = append(figures[key], figure{d.bars.Title, template.HTML(d.bars.SVG())})
			}
		}
	}
	var all []section
	add := func(title, key string, t table, notes []string) {
		all = append(all, section{title, t.head, t.rows, notes, figures[key]})
	}
	for _, p := range protocols(c) {
		add(p.title+" servers", p.proto, serverTable(c, p.proto), behind(c.Servers, p.proto))
	}
	if len(c.Clients) > 0 {
		add("Clients", "clients", clientTable(c), behind(c.Clients, "tcp"))
	}
	add("What they are", "", aboutTable(append(append([]Row{}, c.Servers...), asClients(c.Clients)...)), nil)
	var b bytes.Buffer
	err := page.Execute(&b, struct {
		CSS        template.CSS
		Conditions string
		Sections   []section
	}{plot.CSS, conditions(c), all})
	return b.Bytes(), err
}
