package result

import "fmt"

// Fact is told by its code: tags are no sentences.
type Fact struct {
	Code string `json:"code" note:"two words"`
}

// Say says.
func Say(n int) string {
	f := Fact{"a_code"}
	return fmt.Sprintf("%d lost", n) + "the others, too" + " ms" + ", " + f.Code
}
