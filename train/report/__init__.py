# What a run leaves for a person: report.html and its pictures.
from jaxcnn.cli import html as html
from train.report.environment import environment as environment
from train.report.segmentation import write_pixel_report as write_pixel_report
from train.report.write import write_report as write_report
