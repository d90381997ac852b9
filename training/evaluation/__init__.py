"""What a model is worth: answers, abstention, citations, labels, forgetting."""
