package browser

import (
	"fmt"
	"testing"
	"time"
)

// number is what a tile says, as a number.
func number(tile string) string {
	return fmt.Sprintf(`Number([...document.querySelectorAll("#tiles dt")].find(e => e.textContent === %q).nextElementSibling.textContent.replace(/[^0-9.]/g, ""))`, tile)
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
	p.show(look{dark: true})
	p.shot("server-dark")
	p.show(phone)
	p.await("the phone's layout", `document.querySelector("#c-conns svg").viewBox.baseVal.width < 360`)
	p.shot("server-phone")

	end(t, run)
	p.await("the end of all connections", number("Connections")+" === 0")
}

// TestClientPage: the page of a run shows its phases and latencies, and says
// when it is over.
func TestClientPage(t *testing.T) {
	const ports = 20
	s := startServer(t, ports, "--max-conns", "5000")
	at := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1))
	run := s.startClient(t, ports, "--conns", "2000", "--hold", "600s", "--interval", "1s", "--dash", at)
	awaitAnswer(t, at)
	p := openPage(t, "http://"+at+"/", look{})
	p.await("the first numbers", hasNumbers)
	p.await("the hold", `document.getElementById("state").textContent === "hold"`)
	p.await("all connections", number("Connections")+" === 2000")
	p.await("connect latency", number("Connect, median")+" > 0")
	p.await("echo latency", number("Echo, median")+" > 0")
	p.await("its threads", `document.getElementById("h-shards").textContent === "CPU per thread" && document.querySelectorAll("#shards .bars span").length > 0`)
	p.await("server and client in the memory", `["server", "client"].every(k => document.querySelector("#t-memory rect.f-" + k))`)
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

// awaitAnswer waits until something listens.
func awaitAnswer(t *testing.T, at string) {
	t.Helper()
	for end := time.Now().Add(patience); !listens(at); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nothing listens on %s within %v", at, patience)
		}
	}
}
