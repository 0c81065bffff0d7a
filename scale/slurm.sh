#!/bin/bash
# Retrains on the machines of a SLURM cluster:
#
#     sbatch --nodes=4 scale/slurm.sh FOLDER
#
# from the project's folder. FOLDER is seen by all machines and holds
# lower.keras, tail.keras and photos.csv, as lesson 09 writes them.
#SBATCH --job-name=retrain
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --requeue
set -euo pipefail
folder=$1

# Where TF_CONFIG comes from: SLURM's list of machines, a task's number.
hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST" |
  sed 's/.*/"&:12345"/' | paste -sd, -)
export CLUSTER="{\"worker\": [$hosts]}"
on_each() {
  srun --kill-on-bad-exit=1 bash -c '
    task="{\"type\": \"worker\", \"index\": $SLURM_PROCID}"
    export TF_CONFIG="{\"cluster\": $CLUSTER, \"task\": $task}"
    exec "$@"' worker "$@"
}

on_each .venv/bin/python -m scale.features \
  "$folder/lower.keras" "$folder/photos.csv" "$folder/shards"
on_each .venv/bin/python -m scale.train \
  "$folder/tail.keras" "$folder/shards" "$folder/out" \
  --epochs 8 --batch 256
