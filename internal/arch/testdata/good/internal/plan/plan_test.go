package plan_test

import (
	"fmt"
	"os"

	"example.org/app/internal/sys"
	"example.org/frames"
)

func Example() {
	fmt.Println(os.Getenv("HOME"), sys.F(), frames.N)
}
