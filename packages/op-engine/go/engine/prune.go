package engine

type pruning struct{}
