package plan

import "fmt"

// Say prints.
func Say() { fmt.Println(); println() }
