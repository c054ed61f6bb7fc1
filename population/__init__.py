"""Who lives: genomes, the mixture-of-experts policy, memory, world model, lineage, pretrained models."""
