# What a run leaves for a person: report.html and its pictures.
from train.report.environment import environment as environment
from train.report.write import write_report as write_report
