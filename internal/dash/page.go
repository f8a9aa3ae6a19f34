package dash

import (
	"embed"
	"net/http"
	"path"
)

//go:embed assets
var files embed.FS

// assets are the page's files by path, "/" for the page itself. Nothing is
// built: they are served as they lie here.
func assets() map[string]http.Handler {
	types := map[string]string{".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
		".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	all := map[string]http.Handler{}
	entries, err := files.ReadDir("assets")
	if err != nil { // they are part of this program
		return all
	}
	for _, e := range entries {
		body, _ := files.ReadFile("assets/" + e.Name())
		at := "/" + e.Name()
		if at == "/index.html" {
			at = "/{$}"
		}
		kind := types[path.Ext(e.Name())]
		all[at] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(body)
		})
	}
	return all
}
