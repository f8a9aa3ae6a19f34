package browser

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/c10m/c10m/tests/nettest"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// number is a JavaScript expression for the number that a tile shows.
func number(tile string) string {
	return fmt.Sprintf(`Number([...document.querySelectorAll("#tiles dt")].find(e => e.textContent === `+
		`%q).nextElementSibling.textContent.replace(/[^0-9.]/g, ""))`, tile)
}

const (
	// hasNumbers is true once the page shows its first sample.
	hasNumbers = `document.querySelectorAll("#tiles dd.value").length > 3`
	// filled is how many ports' cells have a level.
	filled = `[...document.querySelectorAll("#ports .level")].filter(e => Number(e.getAttribute("height")) > 0).length`
	// scrolls says whether anything sticks out to the right.
	scrolls = `document.documentElement.scrollWidth > document.documentElement.clientWidth`
)

var phone = look{width: 360, height: 740, phone: true}

// TestServerPage: the page of a server follows 5,000 connections as they come
// and go.
func TestServerPage(t *testing.T) {
	const ports, conns = 200, 5000
	s := startServer(t, ports, "--max-conns", "6000")
	p := openPage(t, "http://"+s.control+"/", look{})
	p.await("the first numbers", hasNumbers)
	if n := eval[float64](p, number("Connections")); n != 0 {
		t.Errorf("before the run the page shows %v connections", n)
	}
	if n := eval[int](p, `document.querySelectorAll("#ports .cell").length`); n != ports {
		t.Errorf("%d cells for %d ports", n, ports)
	}

	run := s.startClient(t, ports, "--conns", fmt.Sprint(conns), "--hold", "600s", "--interval", "1s")
	p.await("all connections", number("Connections")+fmt.Sprintf(" === %d", conns))
	p.await("messages", number("Messages")+" > 0")
	p.await("a level in every port's cell", filled+fmt.Sprintf(" === %d", ports))
	p.await("a curve", `document.querySelector("#c-conns path.curve").getAttribute("d").split("L").length > 3`)
	p.await("memory in the picture", `document.querySelectorAll("#c-memory path.band").length > 5`)
	p.shot("server-light")
	wholeMachine(t, p)
	readable(t, p)
	keyboard(t, p)
	looks(t, p)

	end(t, run)
	p.await("the end of all connections", number("Connections")+" === 0")
}

// wholeMachine: what the memory chart says that it shows; with the switch it shows all of
// the machine's memory.
func wholeMachine(t *testing.T, p *tab) {
	t.Helper()
	const bands, caption = `document.querySelectorAll("#c-memory path.f-other, #c-memory path.f-free").length`,
		`document.querySelector("#c-memory figcaption").textContent`
	p.await("caches and processes alone", bands+` === 0 && / in these caches and processes now/.test(`+caption+`)`)
	if note := eval[string](p, `document.getElementById("n-memory").textContent`); !strings.Contains(note,
		"whole machine") || !strings.Contains(note, "client's own page") {
		t.Errorf("the note on memory says %q", note)
	}
	press := chromedp.Evaluate[chromedp.Void](`document.getElementById("whole").click()`)
	p.run("switch to all memory", press)
	p.await("all memory", bands+` === 2 && / in use now ?of [\d.]+ GiB$/.test(`+caption+`)`)
	p.shot("server-memory")
	p.run("switch back", press)
	p.await("caches and processes again", bands+" === 0")
}

// TestErrorsByCause: what the server refuses is named and counted, and the ports
// of each protocol have a grid of their own.
func TestErrorsByCause(t *testing.T) {
	const ports, room, surplus = 10, 20, 15
	first := nettest.FreePorts(t, 2*ports+1)
	s := startServerAt(t, first, ports, "--ws", fmt.Sprintf("%d:%d", first+ports+1, ports), "--max-conns",
		fmt.Sprint(room))
	p := openPage(t, "http://"+s.control+"/", look{})
	p.await("the first numbers", hasNumbers)
	if said := eval[string](p, `[...document.querySelectorAll("#ports b")].map(e => e.textContent).join("; ")`); said !=
		fmt.Sprintf("TCP %d–%d; WebSocket %d–%d", first, first+ports-1, first+ports+1, first+2*ports) {
		t.Errorf("grids of %q", said)
	}
	if !eval[bool](p, `document.getElementById("no-errors").offsetHeight > 0 && !document.querySelector("#t-errors tr")`) {
		t.Error("errors are shown before there are any")
	}
	for i := range room + surplus {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", first+i%ports))
		if err != nil {
			continue // refused so soon that Dial has seen it
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	p.await("the refused ones", fmt.Sprintf(`!!document.querySelector("#t-errors `+
		`tbody")?.innerText.includes("over_limit") && document.querySelector("#t-errors td").textContent === "%d"`, surplus))
	p.await("the others", number("Connections")+fmt.Sprintf(" === %d", room))
	if rows := eval[string](p, `document.getElementById("t-kernel").innerText`); !strings.Contains(rows, "TIME_WAIT") ||
		!strings.Contains(rows, "Accept queue overflows") {
		t.Errorf("what the kernel counts: %s", rows)
	}
}

// TestServerComesBack: the page says that the server has ended, and finds the
// next one by itself; many workers are cells, few are bars.
func TestServerComesBack(t *testing.T) {
	s := startServer(t, 20, "--max-conns", "5000", "--workers", "12")
	p := openPage(t, "http://"+s.control+"/", look{})
	p.await("the first numbers", hasNumbers)
	p.await("a cell for each worker", `document.querySelectorAll("#shards .cell").length === 12 && `+
		`document.querySelector("#shards b").textContent === "12 workers"`)
	p.run("open the table", chromedp.Evaluate[chromedp.Void](`document.querySelector("#d-shards summary").click()`))
	p.await("a row for each worker", `document.querySelectorAll("#d-shards tbody tr").length === 12`)
	end(t, s.cmd)
	p.await("the end", `document.getElementById("state").textContent.startsWith("ended")`)
	startServerAt(t, s.first, 20, "--max-conns", "7000", "--workers", "2")
	p.await("the next server", `document.getElementById("state").textContent === "ready" && `+
		`document.querySelector("#tiles dd.note").textContent === "of 7,000 allowed"`)
	p.await("a bar for each worker",
		`document.querySelectorAll("#shards .bars .num").length === 2 && !document.querySelector("#shards .cell")`)
	p.forgive("ERR_CONNECTION_REFUSED") // while there was none
}

// row is the number in the first cell of a row of what the kernel counts.
func row(name string) string {
	return fmt.Sprintf(`Number([...document.querySelectorAll("#t-kernel tr")].find(r => r.innerText.startsWith(%q))`+
		`?.cells[1].textContent.replace(/[^0-9]/g, ""))`, name)
}

// TestPageOfLittle: a page shows nothing where nobody looked, one port and few
// connections fill their grids, and what listens is no connection.
func TestPageOfLittle(t *testing.T) {
	const conns, workers = 30, 12
	s := startServer(t, 1, "--max-conns", "5000", "--workers", fmt.Sprint(workers))
	p := openPage(t, "http://"+s.control+"/", look{})
	p.await("the first numbers", hasNumbers)
	if title := eval[string](p, `document.getElementById("title").textContent`); !strings.HasPrefix(title, "1 port on ") {
		t.Errorf("the title is %q", title)
	}
	// So much that the busiest worker takes some percent of a core: less than one percent is
	// told from nothing by no cell.
	s.startClient(t, 1, "--conns", fmt.Sprint(conns), "--hold", "600s", "--interval", "5ms")
	p.await("all connections", number("Connections")+fmt.Sprintf(" === %d", conns))

	const level = `Math.max(0, ...[...document.querySelectorAll("#%s .level")].map(e => Number(e.getAttribute("height"))))`
	p.await("the port's cell more than half full", fmt.Sprintf(level, "ports")+" > 4.3")
	p.await("the busiest worker's cell, too", fmt.Sprintf(level, "shards")+" > 2")
	if said := eval[string](p, `document.querySelector("#ports p").textContent`); !strings.Contains(said,
		"a full cell is 30") {
		t.Errorf("the grid of ports says %q", said)
	}
	p.await("what listens", row("TCP sockets that listen")+fmt.Sprintf(" >= %d", workers+1))
	p.await("the connections' ends", row("Ends of TCP connections")+fmt.Sprintf(" >= %d", 2*conns))

	const curves = `document.querySelectorAll("#c-conns path.curve").length`
	const bands = `document.querySelectorAll("#c-memory path.f-server").length`
	p.await("a curve, and memory", curves+" === 1 && "+bands+" === 1")
	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }()
	p.await("that nothing comes", `document.getElementById("state").textContent === "no new numbers"`)
	p.shot("server-stopped")
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	p.await("new numbers", `document.getElementById("state").textContent === "ready"`)
	p.await("a gap in the curve, and in the memory", curves+" === 2 && "+bands+` === 2 &&
		["c-conns", "c-setup", "c-messages", "c-memory"].every(c => document.querySelector("#" + c + " rect.gap"))`)
	p.shot("server-gap")
}

// readable: what a screen reader goes by. Landmarks, headings that name their
// sections, pictures with words for them, tables with heads, and a live region
// that waits its turn.
func readable(t *testing.T, p *tab) {
	t.Helper()
	for what, ok := range map[string]string{
		"language": `document.documentElement.lang === "en"`,
		"one main, header, footer, nav": `["main", "body > header", "body > footer", "nav"].every(s => ` +
			`document.querySelectorAll(s).length === 1)`,
		"one h1": `document.querySelectorAll("h1").length === 1`,
		"sections named by their headings": `[...document.querySelectorAll("section")].every(s => ` +
			`document.getElementById(s.getAttribute("aria-labelledby")).textContent)`,
		"words for every picture": `[...document.querySelectorAll("svg")].every(s => ` +
			`s.getAttribute("aria-hidden") === "true" || s.getAttribute("role") === "img" && ` +
			`s.getAttribute("aria-label").length > 20)`,
		"the numbers in those words": `document.querySelector("#c-conns ` +
			`svg").getAttribute("aria-label").includes("5,000 open")`,
		"heads in every table row": `[...document.querySelectorAll("tbody tr")].every(r => ` +
			`r.querySelector("th[scope=row]"))`,
		"a polite live region": `document.getElementById("spoken").getAttribute("aria-live") === ` +
			`"polite" && document.getElementById("spoken").textContent.includes("connections")`,
		"no region that interrupts":      `!document.querySelector("[aria-live=assertive], [role=alert]")`,
		"an order of its own for nobody": `!document.querySelector("[tabindex]:not([tabindex='0']):not([tabindex='-1'])")`,
	} {
		if !eval[bool](p, ok) {
			t.Errorf("no %s: %s", what, ok)
		}
	}
}

// keyboard: every picture is reached with Tab, shows that it is, and its values
// are read with the arrow keys; the tables open with Enter.
func keyboard(t *testing.T, p *tab) {
	t.Helper()
	const focused = `document.activeElement.closest("section, header, footer, a")?.querySelector("h2")?.id + " " + ` +
		`document.activeElement.tagName`
	seen := map[string]bool{}
	for range 30 {
		p.run("press Tab", chromedp.KeyEvent(kb.Tab))
		seen[eval[string](p, focused)] = true
		if !eval[bool](p, `document.activeElement === document.body || `+
			`getComputedStyle(document.activeElement).outlineStyle !== "none"`) {
			t.Errorf("%s has the focus and does not show it", eval[string](p, focused))
		}
	}
	for _, want := range []string{"h-conns svg", "h-setup svg", "h-messages svg", "h-memory svg", "h-ports svg",
		"h-ports SUMMARY", "h-shards SUMMARY"} {
		if !seen[want] {
			t.Errorf("Tab does not reach %s, only %v", want, seen)
		}
	}
	p.run("look at the ports", chromedp.Evaluate[chromedp.Void](`document.querySelector("#ports svg").focus()`))
	p.run("press Right", chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight))
	p.await("the second port's number", `/^port \d+ 25$/.test(document.getElementById("spoken").textContent)`)
	p.run("look at the curve", chromedp.Evaluate[chromedp.Void](`document.querySelector("#c-conns svg").focus()`))
	p.run("press Left", chromedp.KeyEvent(kb.ArrowLeft))
	p.await("an earlier number",
		`/^Connections: [0-9,]+ open \d+ s ago/.test(document.getElementById("spoken").textContent)`)
	p.run("open the table", chromedp.Evaluate[chromedp.Void](`document.querySelector("#d-ports summary").focus()`),
		chromedp.KeyEvent(kb.Enter))
	p.await("a row for each port", `document.querySelectorAll("#d-ports tbody tr").length === 200`)
	p.run("close the table", chromedp.KeyEvent(kb.Enter))
	p.run("leave", chromedp.Evaluate[chromedp.Void](`document.querySelector("#c-conns svg").focus()`),
		chromedp.KeyEvent(kb.Escape), chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
}

// looks: the dark colours, and the layout on a phone.
func looks(t *testing.T, p *tab) {
	t.Helper()
	const brightness = `getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((a, b) => a ` +
		`+ Number(b), 0)`
	day := eval[int](p, brightness)
	p.show(look{dark: true})
	p.await("dark colours", brightness+" < 120")
	if day < 600 {
		t.Errorf("by day the page has a brightness of %d of 765", day)
	}
	p.shot("server-dark")
	p.show(phone)
	p.await("the phone's layout", `document.querySelector("#c-conns svg").viewBox.baseVal.width < 360`)
	if eval[bool](p, scrolls) {
		t.Errorf("on a phone the page scrolls sideways: %d pixels wide", eval[int](p, `document.documentElement.scrollWidth`))
	}
	if small := eval[int](p, `[...document.querySelectorAll("body *")].filter(e => e.childElementCount === 0 && `+
		`e.textContent.trim() && !e.closest("svg, .unseen") && `+
		`parseFloat(getComputedStyle(e).fontSize) < 12).length`); small > 0 {
		t.Errorf("%d texts are too small to read on a phone", small)
	}
	p.shot("server-phone")
}

// TestClientPage: the page of a run shows its phases and latencies, and says
// when it is over.
func TestClientPage(t *testing.T) {
	const ports = 20
	s := startServer(t, ports, "--max-conns", "5000")
	at := fmt.Sprintf("127.0.0.1:%d", nettest.FreePorts(t, 1))
	run := s.startClient(t, ports, "--conns", "2000", "--hold", "600s", "--interval", "1s", "--dash", at)
	awaitAnswer(t, at)
	p := openPage(t, "http://"+at+"/", look{})
	p.await("the first numbers", hasNumbers)
	p.await("the hold", `document.getElementById("state").textContent === "hold"`)
	p.await("all connections", number("Connections")+" === 2000")
	p.await("connect latency", number("Connect, median")+" > 0")
	p.await("echo latency", number("Echo, median")+" > 0")
	p.await("its threads", `document.getElementById("h-shards").textContent === "CPU per thread" && `+
		`document.querySelectorAll("#shards .bars span").length > 0`)
	p.await("server and client in the memory",
		`["server", "client"].every(k => document.querySelector("#t-memory rect.f-" + k))`)
	if !eval[bool](p, `document.getElementById("s-ports").hidden`) {
		t.Error("a client listens on no ports, and its page shows some")
	}
	p.shot("client-light")
	p.show(look{dark: true})
	p.shot("client-dark")
	end(t, run)
	p.await("the end", `document.getElementById("state").textContent.startsWith("ended")`)
	p.forgive("ERR_CONNECTION_REFUSED") // it looks whether another run begins
}

// TestLabPages: a lab's page moves. What churn opens is opened again and again,
// and peak's curves go on from step to step.
func TestLabPages(t *testing.T) {
	const ports = 20
	s := startServer(t, ports, "--max-conns", "5000")
	for _, lab := range []struct {
		name  string
		flags []string
		says  string
		moves []string // tiles
	}{
		{"churn", []string{"--users", "30", "--duration", "600s"}, "of 30 at a time", []string{"Setup rate", "Messages"}},
		{"peak", []string{"--from", "20", "--max", "4000", "--factor", "1.01", "--each", "1s", "--until",
			"errors>0.99"}, "of 4,000 at a time", []string{"Messages", "Connections"}},
	} {
		t.Run(lab.name, func(t *testing.T) {
			at := fmt.Sprintf("127.0.0.1:%d", nettest.FreePorts(t, 1))
			run := s.startLab(t, lab.name, ports, append(lab.flags, "--dash", at)...)
			awaitAnswer(t, at)
			p := openPage(t, "http://"+at+"/", look{})
			p.await("the first numbers", hasNumbers)
			p.await("its phase", fmt.Sprintf(`document.getElementById("state").textContent === %q`, lab.name))
			p.await("what it may open", fmt.Sprintf(`document.querySelector("#tiles dd.note").textContent === %q`, lab.says))
			for _, tile := range lab.moves {
				p.await(tile, number(tile)+" > 0")
				was := eval[float64](p, number(tile))
				p.await(tile+" to move", number(tile)+fmt.Sprintf(" > 0 && %s !== %v", number(tile), was))
			}
			p.await("latency", number("Echo, median")+" > 0")
			p.await("cores", number("CPU cores in use")+" > 0")
			p.await("curves", `["c-setup", "c-messages"].every(c => document.querySelector("#" + c + " `+
				`path.curve").getAttribute("d").split("L").length > 5)`)
			p.shot(lab.name + "-light")
			end(t, run)
			p.await("the end", `document.getElementById("state").textContent.startsWith("ended")`)
			p.forgive("ERR_CONNECTION_REFUSED") // it looks whether another run begins
		})
	}
}

// awaitAnswer waits until something listens.
func awaitAnswer(t *testing.T, at string) {
	t.Helper()
	nettest.Await(t, at+" to accept", func() bool { return nettest.Accepts(at) })
}
