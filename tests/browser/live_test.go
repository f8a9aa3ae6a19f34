package browser

import (
	"fmt"
	"testing"
)

// number is what a tile says, as a number.
func number(tile string) string {
	return fmt.Sprintf(`Number([...document.querySelectorAll("#tiles dt")].find(e => e.textContent === %q).nextElementSibling.textContent.replace(/[^0-9.]/g, ""))`, tile)
}

// hasTiles is true once the page shows its first sample.
const hasTiles = `document.querySelectorAll("#tiles dd.value").length > 3`

// cells is how many of the elements that a selector finds have some height.
func cells(selector string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%q)].filter(e => Number(e.getAttribute("height")) > 0).length`, selector)
}

// TestServerPage: the page of a server follows 5,000 connections as they come
// and go.
func TestServerPage(t *testing.T) {
	const ports, conns = 200, 5000
	s := startServer(t, ports, "--max-conns", "6000")
	p := openPage(t, "http://"+s.control+"/", look{})
	p.await("the first numbers", hasTiles)
	if n := eval[float64](p, number("Connections")); n != 0 {
		t.Errorf("before the run the page shows %v connections", n)
	}
	if n := eval[int](p, `document.querySelectorAll("#ports .cell").length`); n != ports {
		t.Errorf("%d cells for %d ports", n, ports)
	}

	run := s.startClient(t, ports, "--conns", fmt.Sprint(conns), "--hold", "600s", "--interval", "1s")
	p.await("all connections", number("Connections")+fmt.Sprintf(" === %d", conns))
	p.await("messages", number("Messages")+" > 0")
	p.await("a level in every port's cell", cells("#ports .level")+fmt.Sprintf(" === %d", ports))
	p.await("a curve", `document.querySelector("#c-conns path.curve").getAttribute("d").split("L").length > 3`)
	p.await("memory in the picture", `document.querySelectorAll("#c-memory path.band").length > 5`)
	p.shot("server-light")
	p.show(look{dark: true})
	p.shot("server-dark")

	end(t, run)
	p.await("the end of all connections", number("Connections")+" === 0")
}
