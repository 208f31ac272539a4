import uuid

from django.db import migrations, models

import safehold.screening.models


class Migration(migrations.Migration):

    dependencies = [
        ('screening', '0003_rescreen'),
    ]

    operations = [
        migrations.CreateModel(
            name='WordsTogether',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.SlugField(max_length=60)),
                ('lists', models.JSONField()),
                ('alone', models.JSONField(default=safehold.screening.models._none)),
                ('within', models.PositiveIntegerField()),
                ('unit', models.CharField(choices=[('words', 'words'), ('characters', 'characters')], default='words', max_length=10)),
                ('because', models.CharField(max_length=200)),
                ('set_by', models.CharField(max_length=100)),
                ('set_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_by', models.CharField(blank=True, max_length=100)),
                ('ended_because', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('name',), name='one_rule_of_company'), models.CheckConstraint(condition=models.Q(('within__gte', 2), ('within__lte', 10000)), name='company_has_a_window')],
            },
        ),
    ]
