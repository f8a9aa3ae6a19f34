package result

import (
	"reflect"
	"testing"
)

// Parts of a run go through the same stages at the same time: what each opened adds
// up, and so do their courses.
func TestMergeStages(t *testing.T) {
	part := func(late float64) *Result {
		r := minimal()
		r.Setup = &Setup{Seconds: 2, Rate: 50, Began: r.Started}
		r.Stages = []Stage{{Name: "1", Kind: StageUp, Asked: 100, Reached: 98, RateAsked: 50, Rate: 49,
			Seconds: 2 + late, Failed: 2, Lost: 1, Messages: 7, Memory: &Used{System: 9}},
			{Name: "2", Kind: StageDown, Asked: 10, Reached: 10, Seconds: 1}}
		r.Course = []Point{{}, {2 + late, 98, 49}, {4, 10, -44}}
		return r
	}
	sum, err := Merge(part(0), part(1))
	if err != nil {
		t.Fatal(err)
	}
	want := []Stage{{Name: "1", Kind: StageUp, Asked: 200, Reached: 196, RateAsked: 100, Rate: 98, Seconds: 3,
		Failed: 4, Lost: 2, Messages: 14},
		{Name: "2", Kind: StageDown, Asked: 20, Reached: 20, Seconds: 1}}
	if !reflect.DeepEqual(sum.Stages, want) {
		t.Errorf("%+v, want %+v", sum.Stages, want)
	}
	if last := sum.Course[len(sum.Course)-1]; last.Conns != 20 || last.T != 4 || sum.Setup.Rate != 100 {
		t.Errorf("the course ends with %+v, the rate is %v", last, sum.Setup.Rate)
	}
	if sum.Check() != nil || !sum.Short() {
		t.Errorf("%v; a stage that is short makes the run short", sum.Check())
	}
}

// A stage of a file whose numbers cannot be is refused.
func TestCheckStages(t *testing.T) {
	for name, spoil := range map[string]func(*Result){
		"reached": func(r *Result) { r.Stages[0].Reached = -1 },
		"seconds": func(r *Result) { r.Stages[0].Seconds = -1 },
		"course":  func(r *Result) { r.Course[1].T = -1 },
	} {
		r := complete()
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
		spoil(r)
		if r.Check() == nil {
			t.Errorf("%s is not refused", name)
		}
	}
}
